import { expect, test } from 'vitest'
import { Fleet } from '../../src/model/fleet'
import { readReading } from '../../src/model/gpu'
import { FleetState } from '../../src/state/fleetstate'
import { MANY_GPUS, PageState } from '../../src/state/pagestate'

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
  return new PageState(state)
}

test('hosts of a small fleet start open, those of a large one closed', () => {
  expect(made(8, 8).isOpen('h0')).toBe(true)
  expect(made(MANY_GPUS / 8 + 1, 8).isOpen('h0')).toBe(false)
})

test('a choice outlasts what would be by itself', () => {
  const page = made(8, 8)
  page.setOpen('h0', false)
  expect([page.isOpen('h0'), page.isOpen('h1')]).toEqual([false, true])
  page.setAllOpen(true)
  expect(page.isOpen('h0')).toBe(true)
})

test('a filter that leaves few GPUs opens their hosts', () => {
  const page = made(40, 8)
  page.query.value = 'GPU-7-3'
  expect(page.shown.value).toEqual([{ host: 'h7', gpus: ['GPU-7-3'] }])
  expect(page.isOpen('h7')).toBe(true)
})

test('a filter that a host matches shows all its GPUs', () => {
  const page = made(4, 8)
  page.query.value = 'h2'
  expect(page.shown.value.map(({ host, gpus }) => [host, gpus.length])).toEqual([['h2', 8]])
})
