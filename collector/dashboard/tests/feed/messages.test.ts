import { expect, test } from 'vitest'
import { readMessage } from '../../src/feed/messages'

const message = (type: string, data: unknown) => readMessage(JSON.stringify({ type, data }))

test('a sample of a GPU', () => {
  expect(message('gpu_stats', { host: 'a', gpu_uuid: '1', power_watts: 5 })).toMatchObject({ reading: { values: { power_watts: 5 } } })
})
test('a change of a host', () => {
  expect(message('host_state', { host: 'a', state: 'late' })).toEqual({ type: 'host_state', host: 'a', state: 'late' })
})
test('an error, with what it is about', () => {
  expect(message('error', { title: 'Too many GPUs', detail: 'filter', parameter: 'hosts' })).toEqual({
    type: 'error',
    problem: { title: 'Too many GPUs', detail: 'filter', parameter: 'hosts' },
  })
})
test('an error without words is still an error', () => expect(message('error', null)?.type).toBe('error'))
test.each(['', 'no json', '[]', 'null', '{"type":"from_the_future","data":{}}', '{"type":"gpu_stats"}', '{"type":"host_state","data":{}}'])(
  '%s is left aside',
  (raw) => expect(readMessage(raw)).toBeNull(),
)
