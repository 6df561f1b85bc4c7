import { describe, expect, test } from 'vitest'
import type { GpuState } from '../../src/model/gpu'
import { totalsOf, type Summand } from '../../src/model/totals'

interface Given {
  readonly parent?: string
  readonly isFresh?: boolean
  readonly state?: GpuState
  readonly values?: Record<string, number | null>
}

function gpu(uuid: string, { parent, isFresh = true, state = 'ok', values = {} }: Given = {}): Summand {
  const identity = { uuid, host: 'a', index: 0, name: null, migProfile: null, migInstance: null, simulated: false }
  return { gpu: { ...identity, state, parentUuid: parent ?? null }, values, isFresh }
}

describe('sums', () => {
  test('of nothing are nothing, not zero', () => {
    expect(totalsOf([])).toMatchObject({ gpus: 0, power: null, utilization: null, memoryUsed: null })
  })
  test('leave stale readings out, and count them', () => {
    const sums = totalsOf([gpu('1', { values: { power_watts: 100 } }), gpu('2', { isFresh: false, values: { power_watts: 900 } })])
    expect(sums).toMatchObject({ gpus: 2, fresh: 1, power: 100 })
  })
  test('take power of whole GPUs only', () => {
    const sums = totalsOf([gpu('1', { values: { power_watts: 100 } }), gpu('m', { parent: '1', values: { power_watts: 40 } })])
    expect(sums).toMatchObject({ gpus: 1, power: 100 })
  })
  test('take activity of instances where that of their GPU is absent', () => {
    const sums = totalsOf([
      gpu('1', { values: { gpu_utilization_percent: null } }),
      gpu('m', { parent: '1', values: { gpu_utilization_percent: 40 } }),
      gpu('2', { values: { gpu_utilization_percent: 80 } }),
      gpu('n', { parent: '2', values: { gpu_utilization_percent: 10 } }),
    ])
    expect(sums.utilization).toBe(60)
  })
  test('count used memory only where its whole is known', () => {
    const sums = totalsOf([
      gpu('1', { values: { memory_used_mb: 10, memory_total_mb: 100 } }),
      gpu('2', { values: { memory_used_mb: 50, memory_total_mb: null } }),
    ])
    expect(sums).toMatchObject({ memoryUsed: 10, memoryTotal: 100 })
  })
  test('count GPUs in trouble, fresh or not', () => {
    expect(totalsOf([gpu('1', { state: 'lost', isFresh: false }), gpu('2', { state: 'suspended' })]).troubled).toBe(1)
  })
})
