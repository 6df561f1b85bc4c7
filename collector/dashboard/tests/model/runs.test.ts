import { expect, test } from 'vitest'
import { runsOf, totalMs, unionOf, unreadRuns } from '../../src/model/runs'

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

test('while a GPU is lost nobody knows its flags: that is not as if none was set', () => {
  const starts = [0, 10, 20, 30, 40, 50, 60]
  const bits = [0, 0, null, null, null, 0, 0]
  expect(unreadRuns(starts, 10, bits, 70, 1)).toEqual([{ since: 20, until: 50 }])
  expect(unreadRuns(starts, 10, [0, 0, 0, 0, 0, 0, 0], 70, 1)).toEqual([])
})

test('what is read less often than the steps are long was read all the time', () => {
  expect(unreadRuns([0, 10, 20, 30, 40, 50], 10, [0, null, null, 0, null, null], 75, 1)).toEqual([])
  expect(unreadRuns([0, 10, 20, 30], 10, [0, null, null, 0], 60, 1)).toEqual([])
})

test('after the last reading nothing is known either, up to the end of the time shown', () => {
  expect(unreadRuns([0, 10, 20], 10, [0, 0, null], 100, 1)).toEqual([{ since: 20, until: 100 }])
})

test('a minute that has four readings usually and none now was not read, however short that is', () => {
  expect(unreadRuns([0, 60, 120], 60, [0, null, 0], 180, 4)).toEqual([{ since: 60, until: 120 }])
})
