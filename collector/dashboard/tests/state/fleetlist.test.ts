import { computed, signal } from '@preact/signals'
import { expect, test } from 'vitest'
import { fleetAddress } from '../../src/address/fleet'
import { Fleet } from '../../src/model/fleet'
import { readReading } from '../../src/model/gpu'
import { parseQuery } from '../../src/model/query/parse'
import { FleetState } from '../../src/state/fleetstate'
import { MANY_GPUS, FleetList } from '../../src/state/fleetlist'

function made(hosts: number, gpus: number) {
  const fleet = new Fleet()
  for (let host = 0; host < hosts; host++) {
    for (let index = 0; index < gpus; index++) {
      const reading = readReading({ gpu_uuid: `GPU-${host}-${index}`, host: `h${host}`, gpu_index: index, gpu_name: 'NVIDIA H100' })
      if (reading) fleet.applyReading(reading, 0, 0)
    }
  }
  const state = new FleetState(fleet)
  state.flush({ isConnected: true, now: 0 })
  const address = signal(fleetAddress.usual)
  const query = computed(() => parseQuery(address.value.q, new Set(['power_watts'])))
  const list = new FleetList(state, address, query)
  return { list, address, fleet, state }
}

test('hosts of a small fleet start open, those of a large one closed', () => {
  expect(made(8, 8).list.isOpen('h0')).toBe(true)
  expect(made(MANY_GPUS / 8 + 1, 8).list.isOpen('h0')).toBe(false)
})

test('a choice outlasts what would be by itself', () => {
  const { list } = made(8, 8)
  list.setOpen('h0', false)
  expect([list.isOpen('h0'), list.isOpen('h1')]).toEqual([false, true])
  list.setAllOpen(true)
  expect(list.isOpen('h0')).toBe(true)
})

test('a filter that leaves few GPUs opens their hosts', () => {
  const { list, address } = made(40, 8)
  address.value = { ...fleetAddress.usual, host: [], q: 'GPU-7-3' }
  expect(list.shown.value).toEqual([{ host: 'h7', gpus: ['GPU-7-3'] }])
  expect(list.isOpen('h7')).toBe(true)
})

test('a filter that a host matches shows all its GPUs', () => {
  const { list, address } = made(4, 8)
  address.value = { ...fleetAddress.usual, host: [], q: 'h2' }
  expect(list.shown.value.map(({ host, gpus }) => [host, gpus.length])).toEqual([['h2', 8]])
})

test('an address that names hosts leaves the others out', () => {
  const { list, address } = made(4, 8)
  address.value = { ...fleetAddress.usual, host: ['h1', 'h9'], q: '' }
  expect(list.shown.value.map(({ host }) => host)).toEqual(['h1'])
})

test('totals are of what is shown, hosts and GPUs alike, and stay while nothing is heard', () => {
  const { list, address, state } = made(4, 8)
  expect(list.totals.value).toBe(state.totals.value)
  address.value = { ...fleetAddress.usual, q: 'GPU-1-3' }
  expect(list.totals.value).toMatchObject({ hostCount: 1, sums: { gpus: 1 } })
  state.tick({ isConnected: false, now: 60_000 })
  address.value = { ...fleetAddress.usual, q: 'host=h1' }
  expect(list.totals.value).toMatchObject({ hostCount: 1, sums: { gpus: 8 } })
  address.value = { ...fleetAddress.usual, q: 'no-such-host' }
  expect(list.totals.value).toMatchObject({ hostCount: 0, sums: { gpus: 0 } })
})

test('a filter on values follows the readings', () => {
  const { list, address, fleet, state } = made(2, 2)
  const read = (uuid: string, host: string, power: number) => {
    const reading = readReading({ gpu_uuid: uuid, host, gpu_index: 0, timestamp: '2026-01-01T00:00:00Z', power_watts: power })
    if (reading) fleet.applyReading(reading, 0, 0)
    state.flush({ isConnected: true, now: 0 })
  }
  address.value = { ...fleetAddress.usual, q: 'power>100' }
  expect(list.shown.value).toEqual([])
  read('GPU-1-0', 'h1', 300)
  expect(list.shown.value).toEqual([{ host: 'h1', gpus: ['GPU-1-0'] }])
})
