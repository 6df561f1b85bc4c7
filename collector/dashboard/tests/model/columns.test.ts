import { describe, expect, test } from 'vitest'
import { Columns, readFrame, readLayout } from '../../src/model/columns'

const LAYOUT = {
  type: 'layout',
  layout: 7,
  metrics: ['power_watts'],
  gpus: [
    { host: 'a', gpu_uuid: 'GPU-1', gpu_index: 0, gpu_name: 'NVIDIA H100', parent_uuid: null },
    { nobody: true },
    { host: 'b', gpu_uuid: 'GPU-2', gpu_index: 1, gpu_name: null, parent_uuid: 'GPU-1' },
  ],
}
const FRAME = {
  type: 'frame',
  layout: 7,
  time: '2026-01-01T00:00:01Z',
  recorded_at: ['2026-01-01T00:00:00.500Z', null, null],
  state: ['ok', 'ok', 'lost'],
  values: { power_watts: [71.5, null, 0], odd: 3 },
}

function shown(): Columns {
  const columns = new Columns()
  const layout = readLayout(LAYOUT)
  const frame = readFrame(FRAME)
  if (layout === null || frame === null) throw new Error('not read')
  columns.take(layout)
  expect(columns.show(frame)).toBe(true)
  return columns
}

describe('columns', () => {
  test('tell every GPU by its row', () => {
    const columns = shown()
    expect(columns.size).toBe(3)
    expect(columns.rowOf('GPU-2')).toBe(2)
    expect(columns.gpu(2)).toMatchObject({ host: 'b', index: 1, parentUuid: 'GPU-1' })
    expect([columns.value('power_watts', 0), columns.value('power_watts', 1), columns.value('power_watts', 2)]).toEqual([71.5, null, 0])
    expect(columns.state(2)).toBe('lost')
    expect(columns.recordedAt(0)).toBe(Date.UTC(2026, 0, 1, 0, 0, 0, 500))
    expect(columns.recordedAt(2)).toBeNull()
    expect(columns.value('never_asked', 0)).toBeNull()
    expect(columns.time).toBe(Date.UTC(2026, 0, 1, 0, 0, 1))
  })
  test('leave a frame of another layout aside', () => {
    const columns = shown()
    const other = readFrame({ ...FRAME, layout: 6, values: { power_watts: [1, 2, 3] } })
    expect(other && columns.show(other)).toBe(false)
    expect(columns.value('power_watts', 0)).toBe(71.5)
  })
  test('forget the values of a layout that is no more', () => {
    const columns = shown()
    const next = readLayout({ ...LAYOUT, layout: 8 })
    if (next) columns.take(next)
    expect([columns.value('power_watts', 0), columns.time]).toEqual([null, null])
  })
  test('before anything came there is nothing', () => {
    const columns = new Columns()
    expect([columns.size, columns.gpu(0), columns.value('power_watts', 0), columns.state(0)]).toEqual([0, null, null, 'unknown'])
  })
})

test.each([{}, { ...LAYOUT, gpus: null }, { ...LAYOUT, layout: 'x' }, { ...LAYOUT, metrics: 1 }])('no layout: %j', (message) => {
  expect(readLayout(message)).toBeNull()
})
test.each([{}, { ...FRAME, time: 'x' }, { ...FRAME, state: {} }, { ...FRAME, values: [] }, { ...FRAME, recorded_at: 1 }])(
  'no frame: %j',
  (message) => expect(readFrame(message)).toBeNull(),
)
