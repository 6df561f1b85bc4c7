import { expect, test } from 'vitest'
import { reconnectDelay } from '../../src/feed/backoff'

test('waits are spread over the whole range up to a ceiling that doubles', () => {
  expect(reconnectDelay(0, 0)).toBe(250)
  expect(reconnectDelay(0, 1)).toBe(1_000)
  expect(reconnectDelay(2, 1)).toBe(4_000)
})
test('never longer than fifteen seconds', () => expect(reconnectDelay(1_000_000, 1)).toBe(15_000))
