import { expect, test } from 'vitest'
import { Columns, readFrame, readLayout } from '../../src/model/columns'
import { sortRows } from '../../src/model/tablesort'

const GPUS = [['n10', 0, 'B'], ['n2', 1, 'A'], ['n2', 0, 'A'], ['n1', null, 'C']] as const
const POWER = [5, null, 7, 5]

function columns(): Columns {
  const found = new Columns()
  const layout = readLayout({ layout: 1, metrics: [], gpus: GPUS.map(([host, index, name], row) => ({ host, gpu_uuid: `u${row}`, gpu_index: index, gpu_name: name })) })
  const frame = readFrame({ layout: 1, time: '2026-01-01T00:00:00Z', recorded_at: [], state: ['ok', 'lost', 'ok', 'ok'], values: { power_watts: POWER } })
  if (layout) found.take(layout)
  if (frame) found.show(frame)
  return found
}

test.each([
  ['host', false, [3, 2, 1, 0]],
  ['host', true, [0, 2, 1, 3]],
  ['model', false, [2, 1, 0, 3]],
  ['state', false, [1, 3, 2, 0]],
  ['index', false, [2, 0, 1, 3]],
  ['index', true, [1, 2, 0, 3]],
  ['power_watts', false, [3, 0, 2, 1]],
  ['power_watts', true, [2, 3, 0, 1]],
  ['nonsense', false, [3, 2, 1, 0]],
] as const)('by %s, descending %s', (sort, descending, expected) => {
  const found = columns()
  expect(sortRows(found, [0, 1, 2, 3], sort, descending, (metric, row) => found.value(metric, row))).toEqual(expected)
})
