import { expect, test } from 'vitest'
import type { Happening } from '../../src/model/happening'
import { marksOf } from '../../src/model/marks'

function happening(occurredAt: number, severity: Happening['severity'] = 'info'): Happening {
  return { id: String(occurredAt), host: 'a', gpuUuid: null, gpuIndex: null, gpuName: null, kind: 'xid', severity, code: 79, text: '', occurredAt }
}

const span = { since: 1_000, until: 2_000 }

test('events of the time shown are at their place, in order', () => {
  const marks = marksOf([happening(1_500), happening(1_000), happening(999), happening(2_000)], span, 0.01)
  expect(marks.map(({ place }) => place)).toEqual([0, 0.5])
})

test('those that would cover each other are one, as bad as the worst', () => {
  const [mark, ...others] = marksOf([happening(1_100), happening(1_105, 'critical'), happening(1_109, 'warning')], span, 0.01)
  expect(others).toEqual([])
  expect(mark).toMatchObject({ at: 1_100, severity: 'critical' })
  expect(mark?.happenings).toHaveLength(3)
})
