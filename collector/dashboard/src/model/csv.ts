// Columns as a CSV file, as the collector's own exports write it: an empty cell is absent, and nothing is taken for a formula.

/** What a spreadsheet would compute, and what looks as if it had been protected already. */
const COMPUTED = /^[=+\-@\t\r\n']/

export function csvOf(header: readonly string[], rows: Iterable<readonly (string | number | null)[]>): string {
  const lines = [header.map(cellOf).join(',')]
  for (const row of rows) lines.push(row.map(cellOf).join(','))
  return `${lines.join('\r\n')}\r\n`
}

function cellOf(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = COMPUTED.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
