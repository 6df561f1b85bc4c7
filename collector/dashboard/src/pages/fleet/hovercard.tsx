// The GPU that is looked at on the map, in a few lines beside its cell.
import { celsius, memory, memoryPart, percent, shortName, watts } from '../../model/format'
import type { Catalog } from '../../model/catalog'
import { metricTitle, valueText } from '../../model/value'
import type { FleetView } from '../../state/fleetview'
import { usePage } from '../../view/context'
import { Badge, GPU_WORDS, HOST_WORDS } from '../../view/parts/words'
import type { Hover } from './map/mapcanvas'

const WIDTH = 260
const GAP = 10

export function HoverCard({ hover }: { readonly hover: Hover }) {
  const { view, session } = usePage()
  void view.version.value
  const gpu = view.columns.gpu(hover.row)
  if (!gpu) return null
  const host = view.hostState(gpu.host)
  const wording = GPU_WORDS[view.columns.state(hover.row)] ?? (host === 'up' ? null : HOST_WORDS[host])
  const isLeft = hover.x + hover.size + GAP + WIDTH > window.innerWidth
  const left = isLeft ? Math.max(GAP, hover.x - GAP - WIDTH) : hover.x + hover.size + GAP
  const style = { left: `${left}px`, top: `${Math.max(GAP, Math.min(hover.y, window.innerHeight - 210))}px`, width: `${WIDTH}px` }
  return (
    <div class="hovercard" style={style} data-testid="hovercard" aria-hidden="true">
      <p class="hovercard-title">
        <b>{gpu.host}</b> · GPU {gpu.index ?? '?'}
      </p>
      <p class="hovercard-model">{gpu.name === null ? 'Unknown model' : shortName(gpu.name)}</p>
      {wording && <Badge wording={wording} />}
      <dl class="hovercard-values">
        {linesOf(view, session.catalog.value, hover.row).map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd class={value === null ? 'absent' : ''}>{value ?? 'n/a'}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

/** The same for a screen reader, in one sentence. */
export function describeGpu(view: FleetView, catalog: Catalog, row: number): string {
  const gpu = view.columns.gpu(row)
  if (!gpu) return ''
  const values = linesOf(view, catalog, row).map(([title, value]) => `${title} ${value ?? 'not available'}`)
  return [`${gpu.host}, GPU ${gpu.index ?? 'without index'}`, gpu.name ?? '', view.columns.state(row), ...values].filter((part) => part !== '').join(', ')
}

function linesOf(view: FleetView, catalog: Catalog, row: number): [string, string | null][] {
  const value = (metric: string) => view.columns.value(metric, row)
  const used = value('memory_used_mb')
  const total = value('memory_total_mb')
  const written = (number: number | null, write: (value: number) => string) => (number === null ? null : write(number))
  const lines: [string, string | null][] = [
    ['Utilization', written(value('gpu_utilization_percent'), percent)],
    ['Memory', used === null || total === null ? written(used, memory) : `${memoryPart(used, total)} of ${memory(total)}`],
    ['Temperature', written(value('temperature_celsius'), celsius)],
    ['Power', written(value('power_watts'), watts)],
  ]
  const metric = catalog.get(view.choice.peek().colour)
  if (metric && !SHOWN.has(metric.name)) lines.push([metricTitle(metric.name), written(value(metric.name), (number) => valueText(metric, number))])
  return lines
}

const SHOWN: ReadonlySet<string> = new Set(['gpu_utilization_percent', 'memory_used_mb', 'memory_total_mb', 'temperature_celsius', 'power_watts'])
