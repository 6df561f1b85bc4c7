import { expect, test } from 'vitest'
import { HistoryLoader } from '../../src/feed/history'
import { Fleet } from '../../src/model/fleet'
import { readIdentity } from '../../src/model/gpu'
import type { JsonObject } from '../../src/model/json'

const START = Date.UTC(2026, 0, 1)

/** An API whose answers are given by hand. */
class Answers {
  readonly asked: string[] = []
  readonly resolve: ((bodies: JsonObject[]) => void)[] = []
  readonly reject: ((error: Error) => void)[] = []

  pages(_path: string, parameters: Readonly<Record<string, string>>): Promise<JsonObject[]> {
    this.asked.push(parameters['host'] ?? '')
    return new Promise((resolve, reject) => {
      this.resolve.push(resolve)
      this.reject.push(reject)
    })
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve))

function made() {
  const fleet = new Fleet()
  const gpu = readIdentity({ gpu_uuid: '1', host: 'a' })
  if (gpu) fleet.applyGpus([{ gpu, absent: {} }], 0)
  const answers = new Answers()
  return { fleet, answers, loader: new HistoryLoader(answers, fleet, () => undefined) }
}

test('asks for one host once, and for three at a time', async () => {
  const { answers, loader } = made()
  for (const host of ['a', 'a', 'b', 'c', 'd']) loader.want(host)
  expect(answers.asked).toEqual(['a', 'b', 'c'])
  answers.resolve[0]?.([])
  await settle()
  expect(answers.asked).toEqual(['a', 'b', 'c', 'd'])
})

test('fills minutes with their averages, absent ones stay empty', async () => {
  const { fleet, answers, loader } = made()
  loader.want('a')
  const bucket = { host: 'a', gpu_uuid: '1', start: '2026-01-01T00:00:00Z', count: 60, power_watts: { avg: 250, min: 0, max: 300 } }
  answers.resolve[0]?.([{ buckets: [{ ...bucket, gpu_utilization_percent: null }, { nonsense: true }] }])
  await settle()
  expect(fleet.points('1', 'power_watts', START).at(-1)).toBe(250)
  expect(fleet.points('1', 'gpu_utilization_percent', START).at(-1)).toBeNull()
})

test('asks again after a failure, when somebody looks again', async () => {
  const { answers, loader } = made()
  loader.want('a')
  answers.reject[0]?.(new Error('no answer'))
  await settle()
  loader.want('a')
  expect(answers.asked).toEqual(['a', 'a'])
})

test('asks again after an interruption', async () => {
  const { answers, loader } = made()
  loader.want('a')
  answers.resolve[0]?.([])
  await settle()
  loader.forget()
  loader.want('a')
  expect(answers.asked).toEqual(['a', 'a'])
})
