import { expect, test } from 'vitest'
import { byReason, openFrom, readIncomplete } from '../../src/model/incomplete'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
const ms = (minute: number) => Date.UTC(2026, 0, 1, 0, minute)
const part = (since: number, until: number, reason: string) => ({ since: at(since), until: at(until), reason })

test('pages that say the same are one, and times of one reason that follow each other are one', () => {
  const open = part(50, 60, 'open')
  const read = readIncomplete([{ incomplete: [part(10, 20, 'late'), part(0, 10, 'late'), open] }, { incomplete: [open, part(30, 40, 'late')] }])
  expect(read).toEqual([
    { since: ms(0), until: ms(20), reason: 'late' },
    { since: ms(30), until: ms(40), reason: 'late' },
    { since: ms(50), until: ms(60), reason: 'open' },
  ])
})

test('what cannot be read is left out', () => {
  expect(readIncomplete([{}, { incomplete: 3 }, { incomplete: [{ since: 'soon', until: at(1), reason: 'open' }] }])).toEqual([])
})

test('steps are open from where the collector says so; other reasons leave them whole', () => {
  expect(openFrom(readIncomplete([{ incomplete: [part(0, 60, 'estimated'), part(55, 60, 'open')] }]))).toBe(ms(55))
  expect(openFrom(readIncomplete([{ incomplete: [part(0, 60, 'late')] }]))).toBe(Infinity)
})

test('each reason is told once, in words, and one of a later collector by its name', () => {
  const told = byReason(readIncomplete([{ incomplete: [part(0, 10, 'late'), part(20, 30, 'late'), part(0, 5, 'moon_phase')] }]))
  expect(told.map(({ text, spans }) => [text, spans.length])).toEqual([['samples that came late are still to be added', 2], ['not complete (moon phase)', 1]])
})
