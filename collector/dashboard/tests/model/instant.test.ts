import { expect, test } from 'vitest'
import { axisTime, localTime, spanText, utcTime } from '../../src/model/instant'

const AT = Date.UTC(2026, 10, 28, 6, 3, 20)
const ZONE = 'Europe/Berlin'

test('people read their own time, logs are compared in UTC', () => {
  expect(localTime(AT, 'full', ZONE)).toBe('28 Nov 2026, 07:03:20')
  expect(localTime(AT, 'clock', ZONE)).toBe('07:03:20')
  expect(utcTime(AT)).toBe('2026-11-28 06:03:20 UTC')
})

test('an axis says the day at midnight and where labels are days apart', () => {
  expect(axisTime(AT, 10, ZONE)).toBe('07:03:20')
  expect(axisTime(AT, 60, ZONE)).toBe('07:03')
  expect(axisTime(AT, 86_400, ZONE)).toBe('28 Nov')
  expect(axisTime(Date.UTC(2026, 10, 27, 23), 3_600, ZONE)).toBe('28 Nov')
})

test('a span says its day once where it has one', () => {
  expect(spanText(AT, AT + 3_600_000, ZONE)).toBe('28 Nov, 07:03 – 08:03')
  expect(spanText(AT, AT + 86_400_000, ZONE)).toBe('28 Nov, 07:03 – 29 Nov, 07:03')
})
