// The totals of a large fleet straight from its columns, by the same rules as those of single readings.
import type { Columns } from './columns'
import type { HostState } from './host'
import { TROUBLED, type Totals } from './totals'

class Sum {
  private total = 0
  private count = 0

  add(value: number): void {
    this.total += value
    this.count += 1
  }

  get sum(): number | null {
    return this.count === 0 ? null : this.total
  }

  get mean(): number | null {
    return this.count === 0 ? null : this.total / this.count
  }
}

/** Sums over the rows; only hosts that are not silent count as fresh. */
export function columnTotals(columns: Columns, rows: Iterable<number>, stateOf: (host: string) => HostState): Totals {
  const sums = { utilization: new Sum(), used: new Sum(), total: new Sum(), power: new Sum(), limit: new Sum() }
  const silent = new Set<string>()
  const instances: number[] = []
  let [gpus, fresh, troubled, hottest] = [0, 0, 0, -Infinity]
  for (const row of rows) {
    const gpu = columns.gpu(row)
    if (gpu === null) continue
    const isFresh = isReporting(stateOf(gpu.host)) && columns.recordedAt(row) !== null
    if (gpu.parentUuid !== null) {
      if (isFresh) instances.push(row)
      continue
    }
    gpus += 1
    if (TROUBLED.has(columns.state(row))) troubled += 1
    if (!isFresh) continue
    const value = (metric: string) => columns.value(metric, row)
    if (value('power_watts') !== null || value('memory_used_mb') !== null || value('temperature_celsius') !== null) fresh += 1
    add(sums.power, value('power_watts'))
    add(sums.limit, value('power_limit_watts'))
    addBoth(sums.used, value('memory_used_mb'), sums.total, value('memory_total_mb'))
    hottest = Math.max(hottest, value('temperature_celsius') ?? -Infinity)
    const utilization = value('gpu_utilization_percent')
    if (utilization === null) silent.add(gpu.uuid)
    else sums.utilization.add(utilization)
  }
  for (const row of instances) {
    if (silent.has(columns.gpu(row)?.parentUuid ?? '')) add(sums.utilization, columns.value('gpu_utilization_percent', row))
  }
  return {
    gpus,
    fresh,
    troubled,
    utilization: sums.utilization.mean,
    memoryUsed: sums.used.sum,
    memoryTotal: sums.total.sum,
    power: sums.power.sum,
    powerLimit: sums.limit.sum,
    hottest: hottest === -Infinity ? null : hottest,
  }
}

export function isReporting(state: HostState): boolean {
  return state === 'up' || state === 'late'
}

function add(into: Sum, value: number | null): void {
  if (value !== null) into.add(value)
}

/** Where one is not known the other does not count, so that one stays a part of the other. */
function addBoth(partSum: Sum, part: number | null, wholeSum: Sum, whole: number | null): void {
  if (part === null || whole === null) return
  partSum.add(part)
  wholeSum.add(whole)
}
