import { expect, test } from 'vitest'
import { flagsOf } from '../../src/model/flags'

const NAMES = [
  { value: 0x1, name: 'gpu_idle' },
  { value: 0x4, name: 'power_cap' },
  { value: 0x20, name: 'sw_thermal' },
  { value: 0x80, name: 'hw_power_brake' },
]
const words = (bits: number) => flagsOf(bits, NAMES).map((flag) => flag.word)

test('no bits, no words', () => expect(words(0)).toEqual([]))
test('bits are words', () => expect(words(0x5)).toEqual(['idle', 'power cap']))
test('what the hardware does against heat comes first and warns', () => {
  expect(flagsOf(0x24, NAMES)).toEqual([
    { word: 'software thermal', isWarning: true },
    { word: 'power cap', isWarning: false },
  ])
})
test('bits without a name are shown as they are, beyond 32 of them too', () => {
  expect(words(0x4 + 0x1000)).toEqual(['power cap', '0x1000'])
  expect(words(2 ** 40)).toEqual(['0x10000000000'])
})
