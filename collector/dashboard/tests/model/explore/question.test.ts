import { expect, test } from 'vitest'
import { comparedShift, lineStep, rankingStep } from '../../../src/model/explore/question'

const HOUR = 3_600_000
const span = (length: number) => ({ since: 0, until: length })

test('a time is compared with that before it, or with the same days before', () => {
  expect(comparedShift('none', span(HOUR))).toBeNull()
  expect(comparedShift('before', span(HOUR))).toBe(HOUR)
  expect(comparedShift('7d', span(HOUR))).toBe(7 * 24 * HOUR)
})

test('lines are as fine as what can answer has it', () => {
  expect(lineStep({ by: 'gpu', agg: 'avg' }, span(HOUR))).toBe(10)
  expect(lineStep({ by: 'fleet', agg: 'avg' }, span(HOUR))).toBe(60)
  expect(lineStep({ by: 'gpu', agg: 'p95' }, span(HOUR))).toBe(300)
  expect(lineStep({ by: 'label:rack', agg: 'avg' }, span(HOUR))).toBe(300)
  expect(lineStep({ by: 'label:rack', agg: 'avg' }, span(30 * 24 * HOUR))).toBe(7_200)
})

test('a ranking takes a dozen points at most, from rollups', () => {
  expect(rankingStep(span(HOUR / 4))).toBe(300)
  expect(rankingStep(span(24 * HOUR))).toBe(7_200)
  expect(rankingStep(span(300 * 24 * HOUR))).toBe(86_400)
})
