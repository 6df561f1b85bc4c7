import { expect, test } from 'vitest'
import { coarser, stepFor } from '../../src/model/steps'

test.each([
  [900, 5],
  [3_600, 10],
  [21_600, 60],
  [86_400, 300],
  [7 * 86_400, 1_800],
  [30 * 86_400, 7_200],
  [731 * 86_400, 86_400],
])('%d s are drawn in steps of %d s', (span, step) => {
  expect(stepFor(span)).toBe(step)
})

test('where nothing finer is kept, the rollups are asked: 5 minutes, then hours, then nothing', () => {
  expect([coarser(10), coarser(300), coarser(1_800), coarser(3_600)]).toEqual([300, 3_600, 3_600, null])
})
