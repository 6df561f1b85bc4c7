import { expect, test } from 'vitest'
import type { Metric } from '../../../src/model/catalog'
import { faint } from '../../../src/view/chart/colours'
import { columnsOf, shapeOf } from '../../../src/view/chart/options'
import type { ChartLine, ChartSpec } from '../../../src/view/chart/spec'
import { latestOf, pointText, summaryOf } from '../../../src/view/chart/summary'

function line(name: string, average: (number | null)[], hasBand = true): ChartLine {
  const metric: Metric = { name, unit: '%', kind: 'gauge', panel: 'P', help: '', resolution: 1, names: [] }
  return { key: name, place: null, metric, title: name, form: 'line', average, low: hasBand ? average : null, high: hasBand ? average : null }
}

function spec(...lines: ChartLine[]): ChartSpec {
  return { id: 'x', title: 'X', unit: '%', times: [0, 5, 10], stepSeconds: 5, lines, top: null, incomplete: [], open: Infinity }
}

test('a line with its band is three columns, a plain one is one', () => {
  expect(columnsOf(spec(line('a', [1, null, 3]), line('b', [4, 5, 6], false)))).toHaveLength(1 + 3 + 1)
})

test('of many lines the bands would hide each other: none is drawn', () => {
  expect(columnsOf(spec(line('a', [1, 2, 3]), line('b', [1, 2, 3]), line('c', [1, 2, 3])))).toHaveLength(1 + 3)
})

test('new values keep the drawing, another line makes a new one', () => {
  const before = shapeOf(spec(line('a', [1, 2, 3])))
  expect(shapeOf(spec(line('a', [7, 8, 9])))).toBe(before)
  expect(shapeOf(spec(line('a', [1, 2, 3]), line('b', [1, 2, 3])))).not.toBe(before)
})

test.each([
  ['rgb(1, 2, 3)', 'rgb(1 2 3 / 0.5)'],
  ['rgba(1, 2, 3, 0.9)', 'rgb(1 2 3 / 0.5)'],
  ['rgb(1 2 3 / 90%)', 'rgb(1 2 3 / 0.5)'],
  ['tomato', 'tomato'],
])('%s, faint, is %s', (colour, expected) => {
  expect(faint(colour, 0.5)).toBe(expected)
})

test('a chart in words says how it was; one without values says that', () => {
  const told = summaryOf(spec(line('Load', [10, null, 30])), { since: 0, until: 15_000 }).replaceAll('\u00a0', ' ')
  expect(told).toContain('Load: 30 % at the end, 20 % on average, from 10 % to 30 %.')
  expect(summaryOf(spec(line('Load', [null, null, null])), { since: 0, until: 15_000 })).toContain('No values')
  expect(pointText(spec(line('Load', [10, null, 30])), 1)).toBe('Load n/a')
})

test('the latest value is that of the last step that is over', () => {
  const open = { ...spec(line('Load', [10, 30, 2])), open: 10_000 }
  expect(latestOf(open, [10, 30, 2])).toBe(1)
  expect(latestOf(open, [null, null, 2])).toBe(2)
  expect(latestOf(open, [null, null, null])).toBeNull()
  expect(summaryOf(open, { since: 0, until: 15_000 }).replaceAll('\u00a0', ' ')).toContain('Load: 30 % at the end, 20 % on average, from 10 % to 30 %.')
})
