import { describe, expect, test } from 'vitest'
import { rampColours, rampLightness } from '../../../src/model/map/ramp'
import { lookOf, scaleOf, shareScale, STEPS, stepOf, type RampName } from '../../../src/model/map/scale'

const RAMPS: readonly RampName[] = ['load', 'memory', 'heat', 'power']
const UTIL = scaleOf('gpu_utilization_percent', '%', 0)

describe('a step', () => {
  test.each([
    [0, 0],
    [100, STEPS - 1],
    [-5, 0],
    [1_000, STEPS - 1],
    [50, STEPS / 2],
    [NaN, 0],
  ])('%d %% is step %d', (value, step) => expect(stepOf(UTIL, value)).toBe(step))
  test('never goes down when the value goes up', () => {
    const steps = Array.from({ length: 1_001 }, (_, index) => stepOf(UTIL, index / 10))
    expect(steps).toEqual([...steps].sort((a, b) => a - b))
    expect(new Set(steps).size).toBe(STEPS)
  })
})

test.each([
  ['power_watts', 'W', 690, 'power', 1_000],
  ['memory_used_mb', 'MiB', 143_771, 'memory', 204_800],
  ['sm_clock_mhz', 'MHz', 1_980, 'load', 2_000],
  ['sm_clock_mhz', 'MHz', 0, 'load', 1],
  ['temperature_celsius', '°C', 40, 'heat', 95],
  ['tensor_active_percent', '%', 3, 'load', 100],
] as const)('%s of at most %s %d goes on the %s ramp to %d', (metric, unit, largest, ramp, highest) => {
  expect(scaleOf(metric, unit, largest)).toMatchObject({ ramp, highest })
})

describe('a look', () => {
  const scale = shareScale('memory')
  test('shows a value that is true now', () => expect(lookOf(scale, 100, 'ok', 'late')).toEqual({ step: STEPS - 1, mark: 'none' }))
  test.each([
    [null, 'ok', 'up', 'absent'],
    [50, 'lost', 'up', 'lost'],
    [50, 'hung', 'down', 'hung'],
    [50, 'driver_mismatch', 'up', 'mismatch'],
    [null, 'suspended', 'up', 'asleep'],
    [50, 'ok', 'down', 'stale'],
    [50, 'ok', 'left', 'stale'],
    [50, 'ok', 'unknown', 'stale'],
  ] as const)('of %s, %s, on a host that is %s, is marked %s and has no colour', (value, state, host, mark) => {
    expect(lookOf(scale, value, state, host)).toEqual({ step: -1, mark })
  })
})

describe.each(RAMPS)('the ramp %s', (ramp) => {
  test.each(['light', 'dark'] as const)('runs one way in %s', (theme) => {
    const lightness = rampLightness(ramp, theme)
    const steps = lightness.slice(1).map((value, index) => Math.sign(value - (lightness[index] ?? 0)))
    expect(new Set(steps)).toEqual(new Set([theme === 'light' ? -1 : 1]))
    expect(new Set(rampColours(ramp, theme)).size).toBe(STEPS)
  })
})
