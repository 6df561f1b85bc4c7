import { describe, expect, test } from 'vitest'
import { absenceText } from '../../src/model/absence'
import { metric, readReading } from '../../src/model/gpu'
import { compareGpus, compareHosts, readHost } from '../../src/model/host'

const EVENT = {
  gpu_uuid: 'GPU-1',
  host: 'a',
  gpu_index: 3,
  gpu_name: 'NVIDIA H100',
  state: 'ok',
  host_state: 'up',
  simulated: true,
  parent_uuid: null,
  mig_profile: null,
  mig_instance: null,
  timestamp: '2026-01-01T00:00:00.123456Z',
  gpu_utilization_percent: 0,
  fan_speed_percent: null,
}

describe('a reading', () => {
  test('keeps zero and absent apart', () => {
    const reading = readReading(EVENT)
    expect(metric(reading?.values ?? {}, 'gpu_utilization_percent')).toBe(0)
    expect(metric(reading?.values ?? {}, 'fan_speed_percent')).toBeNull()
    expect(metric(reading?.values ?? {}, 'power_watts')).toBeNull()
  })
  test('knows who, when and how', () => {
    const reading = readReading(EVENT)
    expect(reading?.gpu).toMatchObject({ uuid: 'GPU-1', host: 'a', index: 3, simulated: true, state: 'ok' })
    expect(reading?.recordedAt).toBe(Date.UTC(2026, 0, 1, 0, 0, 0, 123))
  })
  test('does not take the index for a metric', () => expect(readReading(EVENT)?.values).not.toHaveProperty('gpu_index'))
  test('without UUID or host is none', () => {
    expect(readReading({ ...EVENT, gpu_uuid: '' })).toBeNull()
    expect(readReading({ ...EVENT, host: undefined })).toBeNull()
    expect(readReading('no object')).toBeNull()
  })
  test('with a state of a later edition is unknown', () => {
    expect(readReading({ ...EVENT, state: 'dancing' })?.gpu.state).toBe('unknown')
  })
  test('that never was has no time', () => expect(readReading({ ...EVENT, timestamp: null })?.recordedAt).toBeNull())
})

test('a host tells its interval in milliseconds, or nothing', () => {
  expect(readHost({ host: 'a', agent: { interval_seconds: 0.5 } })?.interval).toBe(500)
  expect(readHost({ host: 'a', agent: { interval_seconds: null } })?.interval).toBeNull()
  expect(readHost({ state: 'up' })).toBeNull()
})

test('hosts are listed as people count', () => {
  expect(['node-10', 'node-9', 'node-1'].sort(compareHosts)).toEqual(['node-1', 'node-9', 'node-10'])
})

test('instances follow their GPU, unknown indexes come last', () => {
  const gpu = (uuid: string, index: number | null, parentUuid: string | null = null) => {
    const identity = readReading({ ...EVENT, gpu_uuid: uuid, gpu_index: index, parent_uuid: parentUuid })?.gpu
    if (!identity) throw new Error('no identity')
    return identity
  }
  const sorted = [gpu('lost', null), gpu('b', 1), gpu('MIG-1', 0, 'a'), gpu('a', 0), gpu('gone', null)].sort(compareGpus)
  expect(sorted.map(({ uuid }) => uuid)).toEqual(['a', 'MIG-1', 'b', 'gone', 'lost'])
})

test('every absence has words', () => {
  expect(absenceText('NOT_SUPPORTED', true)).toBe('This GPU does not offer it.')
  expect(absenceText('not_supported', true)).toBe('This GPU does not offer it.')
  expect(absenceText('SOLAR_FLARE', true)).toBe('Solar flare.')
  expect(absenceText(undefined, true)).not.toBe(absenceText(undefined, false))
})
