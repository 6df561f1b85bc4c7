import { expect, test } from 'vitest'
import { fixed, last, panned, readRange, spanOf, widened, writeRange, type Range } from '../../src/address/range'

const NOW = Date.UTC(2026, 0, 2)
const HOUR = 3_600_000
const hour = { since: NOW - 3 * HOUR, until: NOW - 2 * HOUR }

test.each(['15m', '1h', '6h', '1d', '7d', '30d', '90s', '20260101T000000Z-20260101T060000Z'])('%s is read and written alike', (text) => {
  const range = readRange(text)
  expect(range && writeRange(range)).toBe(text)
})

test('24 hours are a day', () => {
  expect(writeRange(last('24h'))).toBe('1d')
})

test.each(['', '1', 'h', '0h', '5s', '9999999d', '-1h', '1.5h', '20260101T000000Z', '20260101T000000Z-20260101T000001Z', '20260101T060000Z-20260101T000000Z', '20260230T000000Z-20260301T000000Z', '20260101T000000Z-20260101T060000Z-x'])('%j is no range', (text) => {
  expect(readRange(text)).toBeNull()
})

test('the last hour ends now', () => {
  expect(spanOf(last('1h'), NOW)).toEqual({ since: NOW - HOUR, until: NOW })
})

test('a zoom is in whole seconds, at least ten of them, whichever way it was drawn', () => {
  expect(fixed({ since: 2_400, until: 1_200 }, NOW)).toEqual({ kind: 'fixed', since: -7_000, until: 3_000 })
  expect(fixed({ since: 1_200, until: 61_400 }, NOW)).toEqual({ kind: 'fixed', since: 1_000, until: 62_000 })
})

test('a pan moves by a share, and stops at the present', () => {
  expect(panned(hour, -0.5, NOW)).toMatchObject({ since: hour.since - HOUR / 2, until: hour.until - HOUR / 2 })
  expect(panned(hour, 5, NOW)).toMatchObject({ since: NOW - HOUR, until: NOW })
})

test('a wider range keeps its middle, but does not reach into the future', () => {
  expect(widened(hour, 2, NOW)).toMatchObject({ since: hour.since - HOUR / 2, until: hour.until + HOUR / 2 })
  expect(widened({ since: NOW - HOUR, until: NOW }, 2, NOW)).toMatchObject({ since: NOW - 2 * HOUR, until: NOW })
})

test('however often it is widened, what comes out can be read again', () => {
  let range: Range = fixed(hour, NOW)
  for (let round = 0; round < 30; round++) range = widened(spanOf(range, NOW), 2, NOW)
  expect(readRange(writeRange(range))).toEqual(range)
})
