import { signal } from '@preact/signals'
import { expect, test } from 'vitest'
import type { Span } from '../../../src/address/range'
import { ChartGroup } from '../../../src/view/chart/group'
import { pressed } from '../../../src/view/chart/keys'

const TIMES = [100, 110, 120, 130]

function made() {
  const did: unknown[] = []
  const span = signal<Span>({ since: 95_000, until: 135_000 })
  const group = new ChartGroup(span, {
    zoom: (chosen) => did.push(chosen),
    pan: (share) => did.push(share),
    widen: () => did.push('widen'),
    back: () => did.push('back'),
  })
  const press = (key: string, shiftKey = false) => pressed({ key, shiftKey } as KeyboardEvent, group, TIMES, (index) => `at ${index}`)
  return { did, group, press }
}

test('arrows begin at the edge they point away from, and stop at the ends', () => {
  const { group, press } = made()
  press('ArrowLeft')
  expect(group.cursor.value).toBe(130_000)
  for (let step = 0; step < 9; step++) press('ArrowLeft')
  expect(group.cursor.value).toBe(100_000)
  expect(group.spoken.value).toBe('at 0')
  press('End')
  expect(group.cursor.value).toBe(130_000)
})

test('with Shift they select, forth and back again, and Enter zooms into it', () => {
  const { did, group, press } = made()
  press('Home')
  press('ArrowRight', true)
  press('ArrowRight', true)
  press('ArrowLeft', true)
  expect(group.selection.value).toEqual({ since: 100_000, until: 110_000 })
  press('Enter')
  expect(did).toEqual([{ since: 100_000, until: 110_000 }])
  expect(group.selection.value).toBeNull()
})

test('a selection across its own beginning turns over', () => {
  const { group, press } = made()
  press('Home')
  press('ArrowRight')
  press('ArrowRight', true)
  press('ArrowLeft', true)
  press('ArrowLeft', true)
  expect(group.selection.value).toEqual({ since: 100_000, until: 110_000 })
})

test('everything a pointer does has a key', () => {
  const { did, press } = made()
  for (const key of ['PageUp', 'PageDown', '-', 'Backspace', '+']) expect(press(key)).toBe(true)
  expect(did).toEqual([-0.5, 0.5, 'widen', 'back', { since: 105_000, until: 125_000 }])
})

test('keys without a meaning here are left to the page: Enter and Escape too, while there is nothing for them', () => {
  const { press } = made()
  expect([press('Enter'), press('Escape'), press('j')]).toEqual([false, false, false])
})
