import { expect, test } from 'vitest'
import { matchesGpu, matchesHost, wordsOf } from '../../src/model/filter'
import { readIdentity } from '../../src/model/gpu'
import { hostNamed } from '../../src/model/host'

const HOST = { ...hostNamed('Node-01'), labels: { rack: 'r7' }, state: 'down' as const }
const GPU = readIdentity({ gpu_uuid: 'GPU-abc', host: 'Node-01', gpu_name: 'NVIDIA H100', state: 'lost' })

const finds = (query: string) => GPU !== null && matchesGpu(wordsOf(query), HOST, GPU)

test.each(['h100', 'GPU-ABC', 'node-01', 'rack=r7', 'lost', 'down', '  h100   r7 '])('"%s" finds the GPU', (query) => {
  expect(finds(query)).toBe(true)
})
test.each(['a100', 'h100 r8'])('"%s" does not', (query) => expect(finds(query)).toBe(false))
test('a host is found by its own words alone', () => {
  expect(matchesHost(wordsOf('r7 down'), HOST)).toBe(true)
  expect(matchesHost(wordsOf('h100'), HOST)).toBe(false)
})
