import { expect, test } from 'vitest'
import { suggestPlaces } from '../../src/model/place'

const HOSTS = ['gpu-1', 'gpu-2', 'big-gpu', 'node']
const GPUS = [
  { host: 'gpu-1', uuid: 'GPU-aa11', index: 0 },
  { host: 'gpu-1', uuid: 'GPU-bb22', index: 1 },
  { host: 'node', uuid: 'GPU-cc33', index: null },
]
const titles = (typed: string) => suggestPlaces(typed, HOSTS, GPUS).map(({ title }) => title)

test('nothing typed, nothing suggested', () => {
  expect(titles('  ')).toEqual([])
})

test('hosts come before GPUs, and those that begin with it before those that hold it', () => {
  expect(titles('gpu')).toEqual(['gpu-1', 'gpu-2', 'gpu-1 · GPU 0', 'gpu-1 · GPU 1', 'node · GPU ?', 'big-gpu'])
})

test('a GPU is found by its UUID, and by its host and number, in either case', () => {
  expect(titles('BB2')).toEqual(['gpu-1 · GPU 1'])
  expect(titles('gpu-1 1')).toEqual(['gpu-1 · GPU 1'])
})

test('there are never more than eight, of however many', () => {
  const many = Array.from({ length: 10_000 }, (_, number) => `host-${number}`)
  expect(suggestPlaces('host', many, [])).toHaveLength(8)
  expect(suggestPlaces('ost', many, [])).toHaveLength(8)
})
