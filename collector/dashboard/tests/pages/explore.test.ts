import { expect, test } from 'vitest'
import { exploreAddress } from '../../src/address/explore'
import type { Exploration } from '../../src/feed/explore'
import type { Metric } from '../../src/model/catalog'
import { amountOf, type Ranked } from '../../src/model/explore/groups'
import { MOST_LINES, specsOf } from '../../src/pages/explore/specs'

const POWER: Metric = { name: 'power_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 1, names: [] }
const STEP = 60_000
const SHIFT = 7 * 86_400_000
const QUESTION = { ...exploreAddress.usual, metric: 'power_watts', compare: '7d' } as const

function group(key: string, begin: number, ...values: number[]): Ranked {
  const points = new Map(values.map((value, position) => [begin + position * STEP, value]))
  const found = amountOf({ key, title: key, host: null, gpuUuid: null, points }, 'avg', POWER)
  if (found === null) throw new Error('no values')
  return found
}

function answer(groups: readonly Ranked[], before: readonly Ranked[] | null): Exploration {
  const known = before && new Map(before.map((one) => [one.series.key, one]))
  return { span: { since: SHIFT, until: SHIFT + 60 * STEP }, groups, found: groups.length, step: STEP, shift: SHIFT, before: known, incomplete: [], incompleteBefore: [] }
}

test('each group is a line over the same steps; what was not read is a gap', () => {
  const [spec] = specsOf(QUESTION, POWER, answer([group('a', SHIFT, 1, 2), group('b', SHIFT + 2 * STEP, 5)], null))
  expect(spec?.lines.map(({ average }) => average)).toEqual([[1, 2, null], [null, null, 5]])
  expect(spec?.times).toEqual([30, 90, 150].map((seconds) => SHIFT / 1000 + seconds))
})

test('of few groups the time before is on the same chart, in the colours of its groups', () => {
  const [spec, ...others] = specsOf(QUESTION, POWER, answer([group('a', SHIFT, 1), group('b', SHIFT, 2)], [group('b', 0, 9)]))
  expect(others).toEqual([])
  expect(spec?.lines.map(({ key, form, place }) => [key, form, place])).toEqual([['a', 'line', 0], ['b', 'line', 1], ['before b', 'before', 1]])
  expect(spec?.lines[2]?.average).toEqual([9])
})

test('of more it has a chart of its own, on the same scale', () => {
  const groups = ['a', 'b', 'c'].map((key) => group(key, SHIFT, 1))
  const [now, then] = specsOf(QUESTION, POWER, answer(groups, [group('c', 0, 40)]))
  expect([now?.lines.length, then?.lines.length]).toEqual([3, 1])
  expect([now?.top, then?.top]).toEqual([40, 40])
  expect(then?.lines[0]?.place).toBe(2)
})

test('no more lines are drawn than can be told apart', () => {
  const groups = Array.from({ length: 20 }, (_, number) => group(`g${number}`, SHIFT, number))
  expect(specsOf(QUESTION, POWER, answer(groups, null))[0]?.lines).toHaveLength(MOST_LINES)
})

test('the step that is not over is no fall at the end of what adds up; of a mean it is drawn', () => {
  const open = { since: SHIFT + 2 * STEP, until: SHIFT + 3 * STEP, reason: 'open' }
  const late = { since: SHIFT, until: SHIFT + STEP, reason: 'late' }
  const known = { ...answer([group('a', SHIFT, 40, 50, 3)], null), incomplete: [late, open] }
  const lineOf = (agg: 'avg' | 'sum', metric: Metric) => specsOf({ ...QUESTION, agg }, metric, known)[0]
  expect(lineOf('sum', { ...POWER, kind: 'counter' })?.lines[0]?.average).toEqual([40, 50, null])
  expect(lineOf('sum', POWER)?.lines[0]?.average).toEqual([40, 50, null])
  expect(lineOf('avg', POWER)?.lines[0]?.average).toEqual([40, 50, 3])
  expect(lineOf('avg', POWER)).toMatchObject({ open: open.since, incomplete: [late, open] })
})

test('what is not complete of the time before is hatched on its own chart, where that is drawn', () => {
  const groups = ['a', 'b', 'c'].map((key) => group(key, SHIFT, 1))
  const known = { ...answer(groups, [group('c', 0, 40)]), incompleteBefore: [{ since: 0, until: STEP, reason: 'late' }] }
  const [now, then] = specsOf(QUESTION, POWER, known)
  expect([now?.incomplete, then?.incomplete]).toEqual([[], [{ since: SHIFT, until: SHIFT + STEP, reason: 'late' }]])
})
