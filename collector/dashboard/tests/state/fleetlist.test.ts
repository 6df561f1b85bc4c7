import { signal } from '@preact/signals'
import { expect, test } from 'vitest'
import { fleetAddress } from '../../src/address/fleet'
import { Fleet } from '../../src/model/fleet'
import { readReading } from '../../src/model/gpu'
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
  const list = new FleetList(state, address)
  return { list, address }
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
