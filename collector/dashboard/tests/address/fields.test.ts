import { expect, test } from 'vitest'
import { choiceField, flagField, listField, patternField, queryOf, someField, textField } from '../../src/address/fields'

interface State {
  readonly q: string
  readonly host: readonly string[]
  readonly sort: 'name' | 'power'
  readonly only: boolean
}

const query = queryOf<State>({ q: textField(), host: listField(), sort: choiceField(['name', 'power'], 'name'), only: flagField() })

test.each<State>([
  query.usual,
  { q: 'a&b=c #%', host: ['x,y', '🖥️'], sort: 'power', only: true },
  { ...query.usual, q: ' ' },
])('what is written is read again: %j', (state) => {
  expect(query.parse(query.format(state))).toEqual(state)
})

test('what is as usual is not written', () => {
  expect(query.format(query.usual)).toBe('')
  expect(query.format({ ...query.usual, sort: 'power' })).toBe('?sort=power')
})

test('what is broken or unknown is as if it were not there', () => {
  expect(query.parse(`?sort=colour&only=yes&utm=x&q=${'a'.repeat(2_000)}`)).toEqual(query.usual)
})

test('the same name twice is one, and an empty one none', () => {
  expect(query.parse('?host=a&host=a&host=').host).toEqual(['a'])
})

test('of several choices those that are known hold, in the order of the choices', () => {
  const some = queryOf({ kind: someField(['xid', 'lost', 'found'] as const) })
  expect(some.parse('?kind=found&kind=xid&kind=heat').kind).toEqual(['xid', 'found'])
  expect(some.format({ kind: ['found', 'xid'] })).toBe('?kind=xid&kind=found')
  expect(some.format({ kind: [] })).toBe('')
})

test('a text that does not look as it has to is as if it were not there', () => {
  const pattern = queryOf({ by: patternField(/^(host|label:.+)$/, 'host') })
  expect(pattern.parse('?by=label:rack').by).toBe('label:rack')
  expect(pattern.parse('?by=rack').by).toBe('host')
})
