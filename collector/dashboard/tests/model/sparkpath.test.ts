import { expect, test } from 'vitest'
import { sparkPath } from '../../src/model/sparkpath'

test('a value at the top touches the upper edge, zero the lower', () => {
  expect(sparkPath([0, 100], 100, 20).line).toBe('M0 20.0L1 0.0')
})
test('a gap stays a gap', () => {
  expect(sparkPath([50, 50, null, 50, 50], 100, 20).line).toBe('M0 10.0L1 10.0M3 10.0L4 10.0')
})
test('the area closes at the base', () => {
  expect(sparkPath([50, 50], 100, 20).area).toBe('M0 20L0 10.0L1 10.0L1 20Z')
})
test('one reading alone is still seen', () => {
  expect(sparkPath([null, 50, null], 100, 20).line).toBe('M1 10.0L1.5 10.0')
})
test('nothing read draws nothing', () => expect(sparkPath([null, null], 100, 20)).toEqual({ line: '', area: '' }))
test('without a scale everything lies on the base', () => expect(sparkPath([5, 5], 0, 20).line).toBe('M0 20.0L1 20.0'))
test('beyond the top is cut', () => expect(sparkPath([250, 250], 100, 20).line).toBe('M0 0.0L1 0.0'))
