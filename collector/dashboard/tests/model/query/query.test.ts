import { describe, expect, test } from 'vitest'
import { matchesIdentity, matchesValues, metricsOf, type Subject } from '../../../src/model/query/match'
import { MOST_PIECES, parseQuery } from '../../../src/model/query/parse'

const METRICS = new Set(['gpu_utilization_percent', 'memory_used_mb', 'temperature_celsius', 'power_watts'])
const GPU: Subject = {
  host: 'Node-017',
  model: 'NVIDIA H100 80GB HBM3',
  states: ['ok', 'up'],
  names: ['GPU-abc-def', '1g.10gb'],
  labels: { pool: 'train', Rack: 'r7', team: '机器 学习' },
}
const VALUES: Record<string, number> = { gpu_utilization_percent: 3, memory_used_mb: 2048 }

const read = (text: string) => parseQuery(text, METRICS)
const finds = (text: string) => {
  const query = read(text)
  return matchesIdentity(query, GPU) && matchesValues(query, (name) => VALUES[name] ?? null)
}

describe('found', () => {
  test.each([
    '', 'h100', 'NODE-0 train', 'gpu-abc', 'pool=train', 'host:node', 'host=node-017', 'host=node-*', 'host:*17',
    'model:h100,a100', 'state:lost,ok', 'gpu:1g', 'pool:tra', 'rack:R7', 'rack=r7', '-rack:r8', 'pool!=infer',
    '"机器 学习"', 'team:"机器 学习"', 'util<5', 'util<5 mem>1000', 'mem>=2g', 'MEM<=2GiB', 'util=3', 'util!=4',
    'gpu_utilization_percent<3.5', '-util>50', 'node train util<5', '-', 'host=n*e-*7',
  ])('"%s"', (text) => expect(finds(text)).toBe(true))
})

describe('not found', () => {
  test.each([
    'a100', 'h100 r8', 'host=node', 'host=*8', 'host=n*e*e*7', '-h100', 'state:lost', 'pool:infer', 'nosuch:train',
    'util>5', 'mem>2g', '-util<5', 'temp>0', '-temp>0', 'pool!=train',
  ])('"%s"', (text) => expect(finds(text)).toBe(false))
})

test.each([
  ['util<', 'a number is missing'],
  ['util<abc', '“abc” is not a number'],
  ['util<5kg', '“5kg” is not a number'],
  ['heat>5', 'there is no metric “heat”'],
  ['host:', 'what to look for is missing'],
])('"%s" is said not to be understood, and restricts nothing', (text, why) => {
  expect(read(text)).toEqual({ terms: [], unread: [{ piece: text, why }] })
  expect(finds(`${text} h100`)).toBe(true)
})

test('the metrics that a search looks at', () => {
  expect([...metricsOf(read('util<5 mem>1 util>1 h100'))]).toEqual(['gpu_utilization_percent', 'memory_used_mb'])
})

test('no more pieces are read than a person types', () => {
  const query = read(Array.from({ length: MOST_PIECES + 2 }, (_, index) => `w${index}`).join(' '))
  expect(query.terms).toHaveLength(MOST_PIECES)
  expect(query.unread).toHaveLength(1)
})

test('no text makes it fail, or take long', () => {
  const letters = ['a', '-', ':', '=', '<', '>', '!', '"', ' ', '*', ',', '5', 'util', 'é', '\u202e', '<img onerror=x>']
  let seed = 1
  const next = () => (seed = (seed * 48_271) % 2_147_483_647)
  for (let round = 0; round < 5_000; round++) {
    const text = Array.from({ length: next() % 12 }, () => letters[next() % letters.length]).join('')
    expect(() => finds(text)).not.toThrow()
  }
  expect(finds(`host=${'*a'.repeat(5_000)}`)).toBe(false)
})
