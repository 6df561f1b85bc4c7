import { expect, test } from 'vitest'
import { hostNamed, type HostState } from '../../src/model/host'
import { accountOf, skewText } from '../../src/model/hostwords'

const NOW = 1_000_000_000

function account(state: HostState, extra = {}) {
  const host = { ...hostNamed('a'), state, since: NOW - 240_000, lastSeen: NOW - 22_000, interval: 5_000, backend: 'nvml', ...extra }
  const { facts, advice } = accountOf(host, NOW)
  return { facts: facts.replaceAll('\u00a0', ' '), advice: advice.replaceAll('\u00a0', ' ') }
}

test('a host that is well needs no advice', () => {
  expect(account('up')).toEqual({ facts: 'The agent has been connected for 4 min. It reads every 5 s. Last heard 22 s ago.', advice: '' })
})

test.each([
  ['late', 'The agent has missed its time to report for 4 min. Last heard 22 s ago. It reads every 5 s.'],
  ['down', 'Nothing has been heard from the agent for 4 min. Last heard 22 s ago.'],
  ['left', 'The agent was stopped in good order 4 min ago. Last heard 22 s ago.'],
  ['unknown', 'The collector has not heard from it since the collector itself started 4 min ago.'],
] as const)('why a host is %s', (state, facts) => {
  expect(account(state).facts).toBe(facts)
})

test('what is not known is not said', () => {
  expect(account('down', { since: null, lastSeen: null }).facts).toBe('Nothing has been heard from the agent. It was never heard.')
})

test('a host that is up with a driver that hangs, or without a way to read, says so', () => {
  const cost = { hungCall: 'nvmlDeviceGetPowerUsage on GPU 3', hungSeconds: 94 }
  expect(account('up', { cost }).advice).toBe('A call of the driver does not return: nvmlDeviceGetPowerUsage on GPU 3, for 94 s.')
  expect(account('up', { backend: null }).advice).toContain('gpufleet-agent doctor')
})

test.each([
  [0.01, 'in step', false],
  [0.4, '0.40 s ahead', false],
  [-3.21, '3.2 s behind', true],
  [7_200, '2 h ahead', true],
])('a clock %d s off is %j', (seconds, text, isWarning) => {
  const skew = skewText(seconds)
  expect([skew.text.replace('\u00a0', ' '), skew.isWarning]).toEqual([text, isWarning])
})
