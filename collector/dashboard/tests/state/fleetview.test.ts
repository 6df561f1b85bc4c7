import { signal, type Signal } from '@preact/signals'
import { describe, expect, test } from 'vitest'
import { EMPTY_CATALOG, readCatalog } from '../../src/model/catalog'
import { fleetAddress, type FleetAddress } from '../../src/address/fleet'

import { readFrame, readLayout } from '../../src/model/columns'
import { hostNamed } from '../../src/model/host'
import { STEPS } from '../../src/model/map/scale'
import { ALWAYS, FleetView } from '../../src/state/fleetview'

const CATALOG = readCatalog({
  metrics: [
    { name: 'gpu_utilization_percent', unit: '%' },
    { name: 'power_watts', unit: 'W' },
    { name: 'memory_used_mb', unit: 'MiB' },
    { name: 'throttle_reasons', unit: 'flags', kind: 'flags', names: [{ value: 1, name: 'gpu_idle' }] },
  ],
})
const HOSTS = [
  { ...hostNamed('n10'), state: 'up', labels: { rack: 'r1' } },
  { ...hostNamed('n2'), state: 'up', labels: { rack: 'r2' } },
  { ...hostNamed('n3'), state: 'down', labels: {} },
] as const

const chosen: Signal<FleetAddress> = signal(fleetAddress.usual)

function fleet(): FleetView {
  chosen.value = fleetAddress.usual
  const view = new FleetView(signal(CATALOG), chosen)
  const gpus = HOSTS.flatMap(({ name }) => [0, 1].map((index) => ({ host: name, gpu_uuid: `${name}-${index}`, gpu_index: index, gpu_name: index ? 'A100' : 'H100' })))
  const layout = readLayout({ layout: 1, metrics: ['gpu_utilization_percent', 'power_watts'], gpus })
  if (layout) view.take(layout)
  view.know(new Map(HOSTS.map((host) => [host.name, host])))
  frame(view, [0, 50, 100, null, 7, 8])
  return view
}

function frame(view: FleetView, utilization: readonly (number | null)[]): void {
  const many = <T>(value: T) => utilization.map(() => value)
  const read = readFrame({
    layout: 1,
    time: '2026-01-01T00:00:00Z',
    recorded_at: many('2026-01-01T00:00:00Z'),
    state: ['ok', 'ok', 'ok', 'lost', 'ok', 'ok'],
    values: { gpu_utilization_percent: utilization, power_watts: many(100), power_limit_watts: many(400) },
  })
  if (read) view.show(read)
}

const choose = (choice: Partial<FleetAddress>) => (chosen.value = { ...fleetAddress.usual, ...choice })
const titles = (view: FleetView) => view.groups.value.map(({ title, rows }) => `${title}: ${rows.join(' ')}`)

describe('groups', () => {
  test.each([
    ['host', ['n2: 2 3', 'n3: 4 5', 'n10: 0 1']],
    ['model', ['A100: 1 3 5', 'H100: 0 2 4']],
    ['label:rack', ['r1: 0 1', 'r2: 2 3', 'without this label: 4 5']],
    ['none', [': 0 1 2 3 4 5']],
  ])('by %s', (group, expected) => {
    const view = fleet()
    choose({ group })
    expect(titles(view)).toEqual(expected)
  })
})

describe('a search', () => {
  test('by who a GPU is, and by what it does', () => {
    const view = fleet()
    choose({ q: 'h100 util<50' })
    expect(view.rows.value).toEqual([0, 4])
    frame(view, [60, 50, 1, null, 7, 8])
    expect(view.rows.value).toEqual([2, 4])
  })
  test('by the state of the host', () => {
    const view = fleet()
    choose({ q: 'state=down' })
    expect(view.rows.value).toEqual([4, 5])
  })
  test('keeps its list while the same GPUs are found', () => {
    const view = fleet()
    choose({ q: 'util<=50' })
    const before = view.rows.value
    frame(view, [1, 2, 100, null, 7, 8])
    expect(view.rows.value).toBe(before)
  })
})

test('a subscription has what is looked at, each once', () => {
  const view = fleet()
  choose({ q: 'util<5', colour: 'power_share' })
  expect(view.wanted.value).toEqual([...ALWAYS].sort())
  choose({ colour: 'sm_active_percent' })
  expect(view.wanted.value).toContain('sm_active_percent')
})

describe('a look', () => {
  test('has the colour of the value, and a mark for what is wrong or old', () => {
    const view = fleet()
    expect([0, 2, 3, 4].map((row) => view.lookAt(row))).toEqual([
      { step: 0, mark: 'none' },
      { step: STEPS - 1, mark: 'none' },
      { step: -1, mark: 'lost' },
      { step: -1, mark: 'stale' },
    ])
  })
  test('of a share', () => {
    const view = fleet()
    choose({ colour: 'power_share' })
    expect(view.coloured('power_share', 0)).toBe(25)
    expect(view.coloured('memory_share', 0)).toBeNull()
    expect(view.lookAt(0)).toEqual({ step: STEPS / 4, mark: 'none' })
  })
  test('of a metric without bounds goes as far as what is found', () => {
    const view = fleet()
    choose({ colour: 'power_watts' })
    expect(view.scale.value).toMatchObject({ kind: 'ramp', highest: 100 })
  })
  test('of flags and of the state is of a few classes', () => {
    const view = fleet()
    choose({ colour: 'throttle_reasons' })
    expect(view.scale.value).toMatchObject({ kind: 'classes', classes: [{ title: 'None' }, { title: 'Idle, or clocks as set' }, {}, {}] })
    choose({ colour: 'state' })
    expect(view.scale.value).toMatchObject({ classes: [{ title: 'OK' }] })
    expect([0, 3, 4].map((row) => view.lookAt(row).mark)).toEqual(['none', 'lost', 'stale'])
  })
})

test('totals are of what is found, and of hosts that report', () => {
  const view = fleet()
  expect(view.totals.value.sums).toMatchObject({ gpus: 6, fresh: 4, troubled: 1, utilization: 50, power: 400, powerLimit: 1600, memoryUsed: null })
  choose({ q: 'rack=r1' })
  expect(view.totals.value).toMatchObject({ sums: { gpus: 2, utilization: 25 }, hostCount: 1, hosts: { up: 1, down: 0 } })
  choose({ q: 'util>7' })
  expect(view.totals.value).toMatchObject({ sums: { gpus: 3 }, hostCount: 3, hosts: { up: 2, down: 1 } })
})

test('hosts without a GPU count where they are found', () => {
  const view = fleet()
  view.know(new Map([...HOSTS, { ...hostNamed('bare'), state: 'up' as const }].map((host) => [host.name, host])))
  expect(view.totals.value.hostCount).toBe(4)
  choose({ q: 'bare' })
  expect(view.totals.value).toMatchObject({ sums: { gpus: 0 }, hostCount: 1 })
  choose({ q: 'bare util>=0' })
  expect(view.totals.value.hostCount).toBe(0)
})

describe('nothing is found', () => {
  test('where no GPU is as it is asked for', () => {
    const view = fleet()
    expect(view.isNothingFound.value).toBe(false)
    choose({ q: 'no-such-host' })
    expect(view.isNothingFound.value).toBe(true)
  })
  test('is not said before the values came that are asked for', () => {
    const view = fleet()
    choose({ q: 'mem<0' })
    expect([view.rows.value, view.isNothingFound.value]).toEqual([[], false])
    choose({ q: 'util<0' })
    expect(view.isNothingFound.value).toBe(true)
  })
})

test('before anything is known there is nothing', () => {
  const view = new FleetView(signal(EMPTY_CATALOG), chosen)
  expect([view.rows.value, view.groups.value, view.size.value, view.labels()]).toEqual([[], [], 0, []])
})
