import { expect, test } from 'vitest'
import type { Metric } from '../../../src/model/catalog'
import { changeText, columnText, partOf } from '../../../src/model/explore/table'

const POWER: Metric = { name: 'power_watts', unit: 'W', kind: 'gauge', panel: 'Power', help: '', resolution: 0.1, names: [] }
const LOAD: Metric = { ...POWER, name: 'gpu_utilization_percent', unit: '%', resolution: 1 }
const ENERGY: Metric = { ...POWER, name: 'energy_joules_total', unit: 'J', kind: 'counter', resolution: 1 }
const plain = (text: string | null) => text?.replaceAll('\u00a0', ' ')

test.each([
  [ENERGY, 38.6 * 3_600_000, [38.6 * 3_600_000, 9 * 3_600_000], ['38.6 kWh', '9.0 kWh']],
  [ENERGY, 38.6 * 3_600_000, [79_400, 726_000], ['0.022 kWh', '0.202 kWh']],
  [ENERGY, 38.6 * 3_600_000, [0, 0], ['0 kWh', '0 kWh']],
  [ENERGY, 900_000, [900_000, 2_300], ['900 kJ', '2 kJ']],
  [POWER, 1_712, [1_712, 340], ['1.71 kW', '0.34 kW']],
  [LOAD, 80, [80, 8.25], ['80.0 %', '8.3 %']],
  [LOAD, 80, [80.4, 12.25], ['80 %', '12 %']],
  [{ ...LOAD, unit: 'state' }, 8, [8, 4.728948096885813], ['P8.0', 'P4.7']],
])('in a table of %o that reaches %d a column of %j says %j', (metric, highest, column, texts) => {
  const text = columnText(metric, highest, column)
  expect(column.map((value) => plain(text(value)))).toEqual(texts)
})

test.each([
  [LOAD, 54, 51, '+3 pts'],
  [LOAD, 51, 54, '−3 pts'],
  [LOAD, 0.9, 0.4, '+0.5 pts'],
  [LOAD, 54, 0, '+54 pts'],
  [LOAD, 54.2, 54, '±0 pts'],
  [LOAD, 54, null, undefined],
  [{ ...LOAD, unit: '°C' }, 64, 60, '+4 °C'],
  [POWER, 150, 100, '+50 %'],
  [POWER, 1_500, 100, '+1,400 %'],
  [POWER, 0, 100, '−100 %'],
  [POWER, 100, 0, undefined],
])('of %o %d after %d is a change of %s', (metric, value, before, text) => {
  expect(plain(changeText(metric, value, before))).toBe(text)
})

test('a time with data for a part of it says for how much; what is read seldom has data all the time', () => {
  const series = (...starts: number[]) => ({ key: 'a', title: 'a', host: null, gpuUuid: null, points: new Map(starts.map((start) => [start, 1])) })
  expect(partOf(series(40, 50), 10, 60)).toBe(20)
  expect(partOf(series(0, 10, 20, 30, 40, 50), 10, 60)).toBeNull()
  expect(partOf(series(0, 20, 40), 10, 60)).toBeNull()
})
