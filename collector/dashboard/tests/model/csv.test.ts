import { expect, test } from 'vitest'
import { csvOf } from '../../src/model/csv'

test('an empty cell is absent, and 0 is 0', () => {
  expect(csvOf(['a', 'b'], [[0, null]])).toBe('a,b\r\n0,\r\n')
})

test.each([
  ['=1+1', "'=1+1"],
  ['-x', "'-x"],
  ["'x", "''x"],
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
])('%j is written %j: nothing is taken for a formula or for two cells', (text, cell) => {
  expect(csvOf(['a'], [[text]])).toBe(`a\r\n${cell}\r\n`)
})

test('negative numbers are numbers', () => {
  expect(csvOf(['a'], [[-1.5]])).toBe('a\r\n-1.5\r\n')
})
