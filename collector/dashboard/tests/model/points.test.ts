import { expect, test } from 'vitest'
import { bridged, loneIndexes, nearestIndex } from '../../src/model/points'

test('what is read half as often as it is drawn has no gaps', () => {
  expect(bridged([0, 5, 10, 15, 20], [1, null, 2, null, 3], 5)).toEqual([1, undefined, 2, undefined, 3])
})

test('a stretch without readings stays a gap', () => {
  const times = [0, 5, 10, 40, 45, 50]
  expect(bridged(times, [1, 2, null, null, 3, 4], 5)).toEqual([1, 2, null, null, 3, 4])
})

test('nothing at all stays nothing', () => {
  expect(bridged([0, 5], [null, null], 5)).toEqual([null, null])
  expect(bridged([], [], 5)).toEqual([])
})

test('a value without neighbours is a dot', () => {
  expect(loneIndexes([1, null, 2, null, 3, 4])).toEqual([0, 2])
  expect(loneIndexes([1, undefined, 2])).toEqual([])
  expect(loneIndexes([7])).toEqual([0])
})

test.each([
  [-5, 0],
  [4, 0],
  [6, 1],
  [14, 1],
  [16, 2],
  [99, 2],
])('the point nearest to %d is %d', (moment, index) => {
  expect(nearestIndex([0, 10, 20], moment)).toBe(index)
})

test('among no points none is nearest', () => {
  expect(nearestIndex([], 5)).toBeNull()
})
