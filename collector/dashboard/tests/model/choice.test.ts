import { describe, expect, test } from 'vitest'
import { FIRST_CHOICE, metricsOfColour, readChoice, viewOf, writeChoice, type Choice } from '../../src/model/choice'

const CHOICES: readonly Choice[] = [
  FIRST_CHOICE,
  { query: 'util<5 “ключ” & = #', view: 'table', group: 'label:rack 7/é', colour: 'memory_share', sort: 'power_watts', descending: true },
  { ...FIRST_CHOICE, view: 'cards', group: 'none', colour: 'state', descending: true },
]

test.each(CHOICES)('the address says %j again', (choice) => {
  expect(readChoice(new URLSearchParams(writeChoice(choice).toString()))).toEqual(choice)
})
test('what is as at first is not said', () => expect(writeChoice(FIRST_CHOICE).toString()).toBe(''))
test.each(['view=dance', 'group=label:', 'group=x', 'colour=<img>', 'sort=-', 'sort=--host', 'sort=ho st', 'more=1'])(
  '"%s" is as if nothing was said',
  (search) => expect(readChoice(new URLSearchParams(search))).toEqual(FIRST_CHOICE),
)
test('a search is no longer than people type', () => {
  expect(readChoice(new URLSearchParams({ q: 'x'.repeat(9_999) })).query).toHaveLength(500)
})
describe('a view', () => {
  test.each([[8, 'cards'], [32, 'cards'], [33, 'map'], [10_000, 'map']] as const)('of %d GPUs is %s at first', (gpus, view) => {
    expect(viewOf(FIRST_CHOICE, gpus)).toBe(view)
  })
  test('is what was chosen', () => expect(viewOf({ ...FIRST_CHOICE, view: 'table' }, 1)).toBe('table'))
})
test('colours are made of metrics', () => {
  expect(metricsOfColour('power_share')).toEqual(['power_watts', 'power_limit_watts'])
  expect(metricsOfColour('state')).toEqual([])
  expect(metricsOfColour('sm_active_percent')).toEqual(['sm_active_percent'])
})
