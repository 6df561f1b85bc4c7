import { expect, test } from 'vitest'
import { runsOf, totalMs, unionOf } from '../../src/model/runs'

test('steps that follow each other are one run; a step that was not read ends it', () => {
  const runs = runsOf([0, 10, 20, 40, 50], 10, [4, 5, 1, 4, null], 4)
  expect(runs).toEqual([{ since: 0, until: 20 }, { since: 40, until: 50 }])
  expect(totalMs(runs)).toBe(30)
})

test('the highest of the bits is a flag like any other', () => {
  expect(runsOf([0], 10, [2 ** 31], 2 ** 31)).toHaveLength(1)
})

test('of a step are known the flags of its least and greatest reading', () => {
  expect(unionOf([1, null, 0, null], [4, 2, 0, null])).toEqual([5, 2, 0, null])
})
