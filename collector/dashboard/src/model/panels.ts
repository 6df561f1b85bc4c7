// Which charts there are: from the catalogue, panel by panel and unit by unit, so that a metric added to it has its place without a line here.
import { isQuantity, type Catalog, type Metric } from './catalog'
import { metricTitle } from './value'

export interface ChartPlan {
  readonly id: string
  readonly panel: string
  readonly title: string
  readonly unit: string
  readonly metrics: readonly Metric[]
}

/** What people look for first; panels that are not named here come after these. */
const ORDER = ['Utilization', 'Memory', 'Power', 'Temperature', 'Activity', 'Clocks', 'NVLink', 'PCIe', 'Processes', 'Throttling', 'Errors']

/** Small whole numbers that jump: each has a chart of its own, in steps. */
const STEPPED_UNITS: ReadonlySet<string> = new Set(['state', 'generation', 'lanes', 'processes'])

/** By these the others on their chart are measured. */
const LIMITS: ReadonlySet<string> = new Set(['power_limit_watts', 'memory_total_mb'])

export function isStepped({ unit }: Metric): boolean {
  return STEPPED_UNITS.has(unit)
}

export function isLimit({ name }: Metric): boolean {
  return LIMITS.has(name)
}

export function metricsByPanel(catalog: Catalog): [string, Metric[]][] {
  const panels = new Map<string, Metric[]>()
  for (const metric of catalog.values()) panels.set(metric.panel, [...(panels.get(metric.panel) ?? []), metric])
  return [...panels].sort(([a], [b]) => rank(a) - rank(b))
}

function rank(panel: string): number {
  const position = ORDER.indexOf(panel)
  return position < 0 ? ORDER.length : position
}

/** One chart per unit of a panel. Counters are drawn as what they grew by; flags and enumerations are no lines. */
export function chartPlans(catalog: Catalog): ChartPlan[] {
  return metricsByPanel(catalog).flatMap(([panel, metrics]) => {
    const groups = new Map<string, Metric[]>()
    for (const metric of metrics.filter(isQuantity)) {
      const key = metric.kind === 'counter' || isStepped(metric) ? `${metric.unit}/${metric.kind}/${metric.name}` : metric.unit
      groups.set(key, [...(groups.get(key) ?? []), metric])
    }
    return [...groups.values()].map((group) => planOf(panel, group))
  })
}

function planOf(panel: string, metrics: readonly Metric[]): ChartPlan {
  const [first] = metrics
  const title = metrics.length === 1 && first ? metricTitle(first.name) : panel
  return { id: first?.name ?? panel, panel, title, unit: first?.unit ?? '', metrics }
}
