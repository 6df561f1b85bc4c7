import { describe, expect, test } from 'vitest'
import { Fleet } from '../../src/model/fleet'
import { readReading, type GpuReading } from '../../src/model/gpu'
import { hostNamed } from '../../src/model/host'

const START = Date.UTC(2026, 0, 1)

function reading(uuid: string, seconds: number | null, fields: Record<string, unknown> = {}): GpuReading {
  const timestamp = seconds === null ? null : new Date(START + seconds * 1000).toISOString()
  const data = { gpu_uuid: uuid, host: 'a', gpu_index: 0, state: 'ok', host_state: 'up', timestamp, ...fields }
  const made = readReading(data)
  if (made === null) throw new Error('not a reading')
  return made
}

const facts = (uuid: string, fields: Record<string, unknown> = {}) => ({
  gpu: reading(uuid, 0, fields).gpu,
  absent: { fan_speed_percent: 'NOT_SUPPORTED' },
})

describe('events', () => {
  test('make hosts and GPUs known, and only those are drawn again', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0), 0, START)
    expect(fleet.groups()).toEqual([{ host: 'a', gpus: ['1'] }])
    expect(fleet.takeChanges()).toMatchObject({ structure: true, gpus: new Set(['1']) })
    fleet.applyReading(reading('1', 1), 1000, START + 1000)
    expect(fleet.takeChanges()).toMatchObject({ structure: false, gpus: new Set(['1']), hosts: new Set() })
  })
  test('move a GPU to another host', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0), 0, START)
    fleet.applyReading(reading('1', 1, { host: 'b' }), 1000, START)
    expect(fleet.groups()).toEqual([
      { host: 'a', gpus: [] },
      { host: 'b', gpus: ['1'] },
    ])
  })
  test('take the state at connect by its age, and what follows as live', () => {
    const fleet = new Fleet()
    fleet.connected()
    fleet.applyReading(reading('1', 0), 1000, START + 60_000)
    expect(fleet.gpu('1')?.arrival?.ageThen).toBe(60_000)
    fleet.applyReading(reading('1', 61), 2000, START + 90_000)
    expect(fleet.gpu('1')?.arrival?.ageThen).toBe(0)
  })
  test('take what the database remembers by its age, also after a GPU that was not read yet', () => {
    const fleet = new Fleet()
    fleet.connected()
    fleet.applyReading(reading('1', null, { host_state: 'unknown' }), 1000, START + 60_000)
    fleet.applyReading(reading('1', 0, { host_state: 'unknown' }), 1500, START + 60_500)
    expect(fleet.gpu('1')?.arrival?.ageThen).toBe(60_500)
    fleet.applyReading(reading('1', 61), 2000, START + 90_000)
    expect(fleet.gpu('1')?.arrival?.ageThen).toBe(0)
  })
  test('that take values back leave the last ones, to be shown as stale', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0, { power_watts: 300 }), 0, START)
    fleet.applyReading(reading('1', 0, { power_watts: null, host_state: 'down' }), 9000, START)
    expect(fleet.gpu('1')?.values['power_watts']).toBe(300)
    expect(fleet.host('a')?.state).toBe('down')
  })
  test('with a new reading do not keep what is absent from it', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0, { power_watts: 300 }), 0, START)
    fleet.applyReading(reading('1', 1, { power_watts: null }), 1000, START)
    expect(fleet.gpu('1')?.values['power_watts']).toBeNull()
  })
  test('fill the sparkline once per reading', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0, { power_watts: 300 }), 0, START)
    fleet.applyReading(reading('1', 0, { power_watts: 300 }), 1000, START)
    fleet.applyReading(reading('1', 2, { power_watts: 100 }), 2000, START)
    expect(fleet.points('1', 'power_watts', START).at(-1)).toBe(200)
  })
})

describe('facts', () => {
  test('add why values are absent, and keep readings', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0, { power_watts: 300 }), 0, START)
    fleet.applyGpus([facts('1')], 1000)
    expect(fleet.gpu('1')).toMatchObject({ absent: { fan_speed_percent: 'NOT_SUPPORTED' }, values: { power_watts: 300 } })
  })
  test('show GPUs that were never read', () => {
    const fleet = new Fleet()
    fleet.applyGpus([facts('1', { state: 'lost' })], 0)
    expect(fleet.gpu('1')).toMatchObject({ arrival: null, gpu: { state: 'lost' } })
  })
  test('drop what they do not list, unless it was heard since they were asked for', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('old', 0), 1000, START)
    fleet.applyReading(reading('new', 0), 3000, START)
    fleet.applyGpus([], 2000)
    expect([...fleet.allGpus()].map(({ gpu }) => gpu.uuid)).toEqual(['new'])
  })
  test('drop hosts with all their GPUs', () => {
    const fleet = new Fleet()
    fleet.applyReading(reading('1', 0), 1000, START)
    fleet.applyHosts([hostNamed('b')], 2000)
    expect(fleet.groups()).toEqual([{ host: 'b', gpus: [] }])
  })
})

test('history of a GPU that is not known is left aside', () => {
  const fleet = new Fleet()
  fleet.fillHistory('1', 'power_watts', START, 100, 5)
  expect(fleet.points('1', 'power_watts', START)).toEqual([])
})
