import { describe, expect, test } from 'vitest'
import { flagScale, nameScale, STATE_SCALE } from '../../../src/model/map/classes'
import { lookOf } from '../../../src/model/map/scale'

const FLAGS = [
  { value: 0x1, name: 'gpu_idle' },
  { value: 0x2, name: 'clocks_setting' },
  { value: 0x4, name: 'power_cap' },
  { value: 0x8, name: 'hw_slowdown' },
  { value: 0x20, name: 'sw_thermal' },
  { value: 0x80, name: 'hw_power_brake' },
]

describe('flags are seen by the worst of them', () => {
  const scale = flagScale(FLAGS)
  test.each([
    [0, 'None'],
    [0x1, 'Idle, or clocks as set'],
    [0x3, 'Idle, or clocks as set'],
    [0x4, 'Power cap or another limit'],
    [0x5, 'Power cap or another limit'],
    [0x1000, 'Power cap or another limit'],
    [2 ** 40, 'Power cap or another limit'],
    [0x8, 'Heat or hardware'],
    [0x24, 'Heat or hardware'],
    [0x80 + 0x1000, 'Heat or hardware'],
  ])('%d is %s', (bits, title) => expect(scale.classes[scale.classOf(bits)]?.title).toBe(title))
  test('and each class has a colour and a mark of its own', () => {
    expect(new Set(scale.classes.map(({ step }) => step)).size).toBe(4)
    expect(scale.classes.map(({ mark }) => mark)).toEqual(['none', 'benign', 'limit', 'warning'])
    expect(lookOf(scale, 0x4, 'ok', 'up').mark).toBe('limit')
  })
})

describe('names', () => {
  const looks = (names: readonly string[]) => nameScale(names.map((name, value) => ({ value, name })))
  test('of two are called by both', () => {
    expect(looks(['no', 'yes']).classes.map(({ title }) => title)).toEqual(['No', 'Yes'])
  })
  test('of many are the usual one, and the others', () => {
    const scale = looks(['none', 'reset', 'reboot', 'drain_p2p'])
    expect(scale.classes.map(({ title }) => title)).toEqual(['None', 'Something else'])
    expect([0, 1, 2, 3, 99].map((value) => lookOf(scale, value, 'ok', 'up').mark)).toEqual(['none', 'warning', 'warning', 'warning', 'warning'])
  })
})

test('a state that is well has one colour, any other its mark', () => {
  expect(STATE_SCALE.classes).toHaveLength(1)
  expect(lookOf(STATE_SCALE, 0, 'ok', 'up').mark).toBe('none')
  expect(lookOf(STATE_SCALE, 0, 'hung', 'up')).toEqual({ step: -1, mark: 'hung' })
})
