import { describe, expect, test } from 'vitest'
import { cellFor, planOf, type Group, type Measures } from '../../../src/model/map/plan'

const MEASURES: Measures = { width: 100, cell: 10, gap: 2, title: 16, between: 12, across: 4, narrowest: 0 }

function groupsOf(...sizes: number[]): Group[] {
  let row = 0
  return sizes.map((size, index) => ({ key: `g${index}`, title: `g${index}`, rows: Array.from({ length: size }, () => row++) }))
}

describe('a plan', () => {
  const plan = planOf(groupsOf(8, 4, 3), MEASURES)

  test('lets blocks flow into lines', () => {
    expect(plan.blocks.map(({ x, y, width, height }) => [x, y, width, height])).toEqual([
      [0, 0, 46, 38],
      [0, 50, 46, 26],
      [58, 50, 34, 26],
    ])
    expect(plan.height).toBe(76)
  })
  test('knows the cell of each row, and back', () => {
    expect(plan.cellOf(5)).toEqual({ x: 12, y: 28 })
    for (let row = 0; row < 15; row++) {
      const cell = plan.cellOf(row)
      expect(cell && plan.rowAt(cell.x + 1, cell.y + 1)).toBe(row)
    }
    expect(plan.cellOf(99)).toBeNull()
  })
  test.each([
    [5, 5, 'a title'],
    [99, 60, 'the right of everything'],
    [5, 500, 'below'],
    [50, 20, 'between blocks'],
    [-1, 20, 'the left'],
  ])('finds nothing at %d, %d: %s', (x, y) => expect(plan.rowAt(x, y)).toBeNull())
  test('tells what is on the screen', () => {
    expect(plan.between(0, 20).map(({ group }) => group.key)).toEqual(['g0'])
    expect(plan.between(40, 60).map(({ group }) => group.key)).toEqual(['g1', 'g2'])
    expect(plan.between(0, 1_000)).toHaveLength(3)
  })
  test('leads along the arrows', () => {
    expect(plan.neighbour(0, 1, 0)).toBe(1)
    expect(plan.neighbour(7, 1, 0)).toBe(8)
    expect(plan.neighbour(8, -1, 0)).toBe(7)
    expect(plan.neighbour(0, -1, 0)).toBe(0)
    expect(plan.neighbour(14, 1, 0)).toBe(14)
    expect(plan.neighbour(1, 0, 1)).toBe(5)
    expect(plan.neighbour(5, 0, 1)).toBe(9)
    expect(plan.neighbour(9, 0, -1)).toBe(5)
    expect(plan.neighbour(12, 0, -1)).toBe(7)
    expect(plan.neighbour(1, 0, -1)).toBe(1)
    expect(plan.neighbour(777, 0, 1)).toBe(0)
  })
})

test('a block is never wider than the map, however many cells it has', () => {
  const plan = planOf(groupsOf(1_000), { ...MEASURES, across: null })
  expect(plan.blocks[0]?.across).toBe(8)
  expect(plan.cellOf(999)).toEqual({ x: 84, y: 16 + 124 * 12 })
})
test('a group without cells keeps its title', () => {
  const plan = planOf(groupsOf(0, 1), MEASURES)
  expect(plan.blocks).toHaveLength(2)
  expect(plan.first()).toBe(0)
  expect(plan.neighbour(0, -1, 0)).toBe(0)
})
test('a map too narrow for one cell still has them all', () => {
  const plan = planOf(groupsOf(3), { ...MEASURES, width: 4 })
  expect(plan.cellOf(2)).toEqual({ x: 0, y: 40 })
})
test('nothing at all', () => {
  const plan = planOf([], MEASURES)
  expect([plan.height, plan.first(), plan.rowAt(0, 0), plan.between(0, 9)]).toEqual([0, null, null, []])
})
test('every row is found at its cell, also where blocks differ in height', () => {
  const sizes = Array.from({ length: 60 }, (_, index) => (index * 7919) % 23)
  const plan = planOf(groupsOf(...sizes), { ...MEASURES, width: 333 })
  const count = sizes.reduce((sum, size) => sum + size, 0)
  for (let row = 0; row < count; row++) {
    const cell = plan.cellOf(row)
    expect(cell && plan.rowAt(cell.x + 9, cell.y + 9)).toBe(row)
  }
})
test('the more cells, the smaller', () => {
  expect([1, 64, 65, 1_000, 10_000, 80_000].map(cellFor)).toEqual([36, 36, 28, 20, 11, 8])
})
