import { describe, expect, test } from 'vitest'
import { fleetAddress } from '../../src/address/fleet'
import { metricsOfColour, viewOf } from '../../src/model/choice'

const USUAL = fleetAddress.usual

test.each([
  USUAL,
  { ...USUAL, q: 'util<5 “ключ” & = #', view: 'table', group: 'label:rack 7/é', colour: 'memory_share', sort: 'power_watts', down: true },
  { ...USUAL, view: 'cards', group: 'none', colour: 'state', host: ['a', 'b c'] },
] as const)('the address says %j again', (choice) => {
  expect(fleetAddress.parse(fleetAddress.format(choice))).toEqual(choice)
})
test.each(['view=dance', 'group=label:', 'group=x', 'colour=<img>', 'sort=--host', 'sort=ho st', 'down=yes', 'more=1'])(
  '"%s" is as if nothing was said',
  (search) => expect(fleetAddress.parse(`?${search}`)).toEqual(USUAL),
)
describe('a view', () => {
  test.each([[8, 'cards'], [32, 'cards'], [33, 'map'], [10_000, 'map']] as const)('of %d GPUs is %s at first', (gpus, view) => {
    expect(viewOf(USUAL, gpus)).toBe(view)
  })
  test('is what was chosen', () => expect(viewOf({ ...USUAL, view: 'table' }, 1)).toBe('table'))
  test('has no more cards than a page can hold', () => expect(viewOf({ ...USUAL, view: 'cards' }, 513)).toBe('map'))
})
test('colours are made of metrics', () => {
  expect(metricsOfColour('power_share')).toEqual(['power_watts', 'power_limit_watts'])
  expect(metricsOfColour('state')).toEqual([])
  expect(metricsOfColour('sm_active_percent')).toEqual(['sm_active_percent'])
})
