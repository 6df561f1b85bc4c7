import { expect, test } from 'vitest'
import { Cache } from '../../src/feed/cache'

test('an answer is kept for a while, and of too many the least used goes', () => {
  const clock = { now: 0 }
  const cache = new Cache<number>(2, 1_000, () => clock.now)
  cache.put('a', 1)
  cache.put('b', 2)
  expect(cache.get('a')).toBe(1)
  cache.put('c', 3)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
  clock.now = 1_000
  expect(cache.get('a')).toBeUndefined()
})
