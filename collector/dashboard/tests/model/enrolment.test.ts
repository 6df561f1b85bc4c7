import { expect, test } from 'vitest'
import { collectorOf, waysOf, type Target } from '../../src/model/enrolment'

const CLOSED: Target = { scheme: 'grpcs', host: 'gpu.example.org', port: 50_051, token: 'gpf_abc_def' }

function commands(target: Target): string {
  return waysOf(target).flatMap(({ steps }) => steps.map(({ command }) => command)).join('\n')
}

test('the collector is named as agents reach it', () => {
  expect(collectorOf(CLOSED)).toBe('grpcs://gpu.example.org:50051')
  expect(collectorOf({ ...CLOSED, scheme: 'grpc', host: 'fd00::1' })).toBe('grpc://[fd00::1]:50051')
})

test('a token is in what is typed, never in a setting that others can read', () => {
  const [service] = waysOf(CLOSED)
  const typed = service?.steps.map(({ command }) => command).join('\n') ?? ''
  expect(typed).toContain('gpf_abc_def')
  expect(typed).toContain('GPUFLEET_TOKEN_FILE=/etc/gpufleet/agent/token')
  expect(typed).not.toContain('GPUFLEET_TOKEN=')
})

test('where nobody needs a token none is spoken of, nor a CA without TLS', () => {
  const open = commands({ ...CLOSED, scheme: 'grpc', token: null })
  expect(open).not.toMatch(/token/i)
  expect(open).not.toContain('CA_FILE')
})
