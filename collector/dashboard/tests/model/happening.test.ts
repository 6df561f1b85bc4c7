import { expect, test } from 'vitest'
import { kindText, readHappening } from '../../src/model/happening'

const TOLD = { id: 'e1', host: 'a', kind: 'gpu_lost', severity: 'critical', text: 'It is gone.', occurred_at: '2026-01-01T00:00:00Z', gpu_uuid: null }

test('an event is read with what it says, and null for what it does not', () => {
  expect(readHappening(TOLD)).toMatchObject({ gpuUuid: null, code: null, severity: 'critical', occurredAt: Date.UTC(2026, 0, 1) })
})

test.each([null, {}, { ...TOLD, id: '' }, { ...TOLD, occurred_at: 'soon' }])('%j is no event', (data) => {
  expect(readHappening(data)).toBeNull()
})

test('a severity of a newer collector is not made worse than it may be', () => {
  expect(readHappening({ ...TOLD, severity: 'catastrophic' })?.severity).toBe('info')
})

test.each([
  ['gpu_lost', null, 'GPU lost'],
  ['xid', 79, 'XID 79'],
  ['driver_changed', null, 'Driver changed'],
  ['something_new', 3, 'Something new'],
])('%s is %s %s', (kind, code, words) => {
  expect(kindText({ kind, code })).toBe(words)
})
