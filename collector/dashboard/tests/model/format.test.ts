import { describe, expect, test } from 'vitest'
import { duration, energy, memory, memoryPart, percent, plural, secondsText, shortName, shortUuid, watts } from '../../src/model/format'

const plain = (text: string) => text.replaceAll('\u00a0', ' ')

describe('units fit the size of the number', () => {
  test.each([
    [0, '0 MiB'],
    [512, '512 MiB'],
    [1024, '1.0 GiB'],
    [81559, '79.6 GiB'],
    [2 * 1024 * 1024, '2.00 TiB'],
    [64 * 81559, '4.98 TiB'],
    [640 * 81559, '49.8 TiB'],
  ])('%d MiB is %s', (mib, text) => expect(plain(memory(mib))).toBe(text))

  test.each([
    [0, '0.0 W'],
    [9.94, '9.9 W'],
    [71.4, '71 W'],
    [700, '700 W'],
    [1_712, '1.71 kW'],
    [44_800, '44.8 kW'],
    [252_900, '253 kW'],
    [1_250_000, '1.25 MW'],
  ])('%d W is %s', (value, text) => expect(plain(watts(value))).toBe(text))

  test.each([
    [0, '0 s'],
    [42_400, '42 s'],
    [5 * 60_000, '5 min'],
    [3 * 3_600_000, '3 h'],
    [23.4 * 3_600_000, '23 h'],
    [23.7 * 3_600_000, '1 d'],
    [60 * 3_600_000, '2 d 12 h'],
    [7 * 86_400_000, '7 d'],
    [-5_000, '0 s'],
  ])('%d ms is %s', (value, text) => expect(plain(duration(value))).toBe(text))

  test.each([
    [0, '0 s'],
    [0.001, '<0.01 s'],
    [0.04, '0.04 s'],
    [0.996, '1.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [615_600, '7 d 3 h'],
  ])('%d s that were measured are %s', (value, text) => expect(plain(secondsText(value))).toBe(text))

  test('energy is told in kWh from one kWh on', () => {
    expect(plain(energy(3_600_000))).toBe('1 kWh')
    expect(plain(energy(500_000))).toBe('500 kJ')
  })
})

describe('a part is told in the unit of its whole', () => {
  test('without the unit', () => expect(memoryPart(46_285, 81_559)).toBe('45.2'))
  test('a real zero is 0', () => expect(memoryPart(0, 81_559)).toBe('0'))
  test('a little is never rounded to zero', () => expect(memoryPart(3, 81_559)).toBe('<0.1'))
})

test('zero per cent is a number', () => expect(plain(percent(0))).toBe('0 %'))
test('one is singular', () => expect([plural(1, 'GPU'), plural(2, 'GPU'), plural(0, 'GPU')].map(plain)).toEqual(['1 GPU', '2 GPUs', '0 GPUs']))
test('a UUID is told by its first group', () => {
  expect(shortUuid('GPU-1a2b3c4d-0000-0000-0000-000000000000')).toBe('GPU-1a2b3c4d')
  expect(shortUuid('odd')).toBe('odd')
})
test('maker and brand are left out of names', () => {
  expect(shortName('NVIDIA H100 80GB HBM3')).toBe('H100 80GB HBM3')
  expect(shortName('NVIDIA GeForce RTX 4090')).toBe('RTX 4090')
})
