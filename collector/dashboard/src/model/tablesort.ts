// The order of the table's rows: by any column, what is absent last whichever way, and equal ones by host and index.
import type { Columns } from './columns'
import { compareHosts } from './host'

export const WORD_SORTS = ['host', 'model', 'state', 'index'] as const
export type WordSort = (typeof WORD_SORTS)[number]

/** `value` is what a row has in the column, for columns that are no words. */
export function sortRows(
  columns: Columns,
  rows: readonly number[],
  sort: string,
  descending: boolean,
  value: (sort: string, row: number) => number | null,
): number[] {
  const sign = descending ? -1 : 1
  const compare = isWordSort(sort) ? byWord(columns, sort) : byValue(rows, (row) => value(sort, row))
  return [...rows].sort((a, b) => compare(a, b, sign) || columns.rank(a) - columns.rank(b))
}

/** Negative where `a` comes first; `sign` is -1 for a descending order. */
type Compare = (a: number, b: number, sign: number) => number

function byWord(columns: Columns, sort: WordSort): Compare {
  if (sort === 'index') return (a, b, sign) => sign * compareNumbers(columns.gpu(a)?.index ?? null, columns.gpu(b)?.index ?? null, sign)
  const word = (row: number) => (sort === 'host' ? columns.gpu(row)?.host : sort === 'model' ? columns.gpu(row)?.name : columns.state(row)) ?? ''
  return (a, b, sign) => sign * compareHosts(word(a), word(b))
}

function byValue(rows: readonly number[], value: (row: number) => number | null): Compare {
  const values = new Map(rows.map((row) => [row, value(row)]))
  return (a, b, sign) => sign * compareNumbers(values.get(a) ?? null, values.get(b) ?? null, sign)
}

/** Absent ones last, also when the sign turns the order round. */
function compareNumbers(a: number | null, b: number | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? sign : -sign
  return a - b
}

function isWordSort(sort: string): sort is WordSort {
  return (WORD_SORTS as readonly string[]).includes(sort)
}
