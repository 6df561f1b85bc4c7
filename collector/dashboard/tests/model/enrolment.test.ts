import { expect, test } from 'vitest'
import { collectorOf, waysOf, type Target } from '../../src/model/enrolment'

const CLOSED: Target = { scheme: 'grpcs', host: 'gpu.example.org', port: 50_051, token: 'gpf_abc_def' }

const TARGETS: readonly Target[] = ['grpc', 'grpcs'].flatMap((scheme) => [null, 'gpf_abc_def'].map((token) => ({ ...CLOSED, scheme, token })))

function way(target: Target, key: string): string {
  const found = waysOf(target).find((each) => each.key === key)
  return found?.steps.flatMap(({ words, command }) => [words, command]).join('\n') ?? ''
}

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

test.each(TARGETS)('every file that a service is told of is put there before', (target) => {
  const typed = way(target, 'systemd')
  const told = [...typed.matchAll(/_FILE=([^']+)'/g)].map(([, path]) => path)
  expect(told).toHaveLength(Number(target.token !== null) + Number(target.scheme === 'grpcs'))
  for (const path of told) expect(typed).toMatch(new RegExp(`^.*sudo install -m 0\\d+ .*${path}$`, 'm'))
})

test.each(TARGETS)('a token is on no command line, where the list of processes shows it', (target) => {
  if (target.token === null) return
  for (const line of commands(target).split('\n').filter((each) => each.includes(target.token ?? ''))) {
    const [first, ...rest] = line.split(' | ')
    expect(first).toMatch(/^(printf %s '|GPUFLEET_COLLECTOR=)/)
    expect(rest.join(' | ')).not.toContain(target.token)
  }
})

test.each(TARGETS)('pods have what they mount, or are told that there is none', (target) => {
  const typed = way(target, 'kubernetes')
  expect(typed.includes('--from-file=token=/dev/stdin')).toBe(target.token !== null)
  expect(typed.includes('components/without-token')).toBe(target.token === null)
  expect(typed.includes('--from-file=ca.crt=ca.crt')).toBe(target.scheme === 'grpcs')
  expect(typed.includes('components/without-ca')).toBe(target.scheme === 'grpc')
})

test('a token goes to another machine without TLS only where that is said', () => {
  const bare = { ...CLOSED, scheme: 'grpc' }
  for (const { key } of waysOf(bare)) expect(way(bare, key)).toContain('GPUFLEET_ALLOW_INSECURE=true')
  for (const target of [CLOSED, { ...bare, token: null }, { ...bare, host: '127.0.0.1' }]) expect(commands(target)).not.toContain('ALLOW_INSECURE')
})
