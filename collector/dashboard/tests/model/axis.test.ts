import { expect, test } from 'vitest'
import { axisTexts, reachOf, stepsOf } from '../../src/model/axis'

test('percents always reach from 0 to 100, so that charts can be compared', () => {
  expect(reachOf('%', { min: 3, max: 12 }, null)).toEqual({ min: 0, max: 100 })
  expect(reachOf('%', { min: 3, max: 130 }, null).max).toBeGreaterThan(130)
})

test('what is measured by a limit reaches up to it', () => {
  expect(reachOf('W', { min: 60, max: 80 }, 700).max).toBe(735)
})

test('temperatures float, but small changes are not blown up', () => {
  const { min, max } = reachOf('°C', { min: 60, max: 62 }, null)
  expect(max - min).toBeGreaterThanOrEqual(30)
  expect(min).toBeGreaterThan(30)
})

test.each([['W', null], ['°C', { min: 0, max: 0 }], ['errors', { min: 0, max: 0 }], ['MHz', { min: 345, max: 345 }]] as const)('a scale of %s is never empty', (unit, data) => {
  const { min, max } = reachOf(unit, data, null)
  expect(max).toBeGreaterThan(min)
})

test.each([
  ['MiB', [0, 32_768, 65_536], ['0 GiB', '32 GiB', '64 GiB']],
  ['MiB', [0, 256, 512], ['0 MiB', '256 MiB', '512 MiB']],
  ['W', [0, 200, 400], ['0 W', '200 W', '400 W']],
  ['W', [0, 500, 1_000], ['0.0 kW', '0.5 kW', '1.0 kW']],
  ['MB/s', [0, 2_500, 5_000], ['0.0 GB/s', '2.5 GB/s', '5.0 GB/s']],
  ['%', [0, 50, 100], ['0 %', '50 %', '100 %']],
  ['processes', [0, 1, 2], ['0', '1', '2']],
  ['MHz', [0, 1_000, 2_000], ['0 GHz', '1 GHz', '2 GHz']],
  ['processes', [], []],
  ['state', [0, 5, 10], ['P0', 'P5', 'P10']],
])('an axis of %s at %j says %j', (unit, values, texts) => {
  expect(axisTexts(unit, values).map((text) => text.replace('\u00a0', ' '))).toEqual(texts)
})

test('lines of memory are powers of two apart', () => {
  expect(stepsOf('MiB')).toContain(16_384)
  expect(stepsOf('W')).toContain(250)
})

test('what is counted has no halves', () => {
  expect(stepsOf('processes').every(Number.isInteger)).toBe(true)
})
