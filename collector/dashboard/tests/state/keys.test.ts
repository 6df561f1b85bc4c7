import { expect, test } from 'vitest'
import { Keys } from '../../src/state/keys'

function made() {
  const clock = { now: 0 }
  const pressed: string[] = []
  const keys = new Keys(() => clock.now)
  const bind = (own: string, name = own) => ({ keys: own, help: name, run: () => pressed.push(name) })
  return { clock, pressed, keys, bind }
}

test('two keys in a row are one, when they come soon', () => {
  const { clock, pressed, keys, bind } = made()
  keys.add({ title: 'a', bindings: [bind('g f'), bind('f')] })
  expect([keys.press('g'), keys.press('f')]).toEqual([true, true])
  expect(pressed).toEqual(['g f'])
  keys.press('g')
  clock.now += 5_000
  keys.press('f')
  expect(pressed).toEqual(['g f', 'f'])
})

test('what a page adds wins over what was there, and goes with the page', () => {
  const { pressed, keys, bind } = made()
  keys.add({ title: 'everywhere', bindings: [bind('x', 'usual')] })
  const remove = keys.add({ title: 'page', bindings: [bind('x', 'page')] })
  keys.press('x')
  remove()
  keys.press('x')
  expect(pressed).toEqual(['page', 'usual'])
})

test('a key without a meaning is left to the browser', () => {
  const { keys } = made()
  expect(keys.press('q')).toBe(false)
})
