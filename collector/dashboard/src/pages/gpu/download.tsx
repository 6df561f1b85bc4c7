// What is shown as a CSV file, and the way to every single sample of it.
import { spanParameters } from '../../feed/past'
import type { Span } from '../../address/range'
import type { Catalog } from '../../model/catalog'
import { csvOf } from '../../model/csv'
import type { Drawn, GpuPast } from '../../state/gpupast'
import { usePage } from '../../view/context'
import { useCharts } from '../../view/chart/group'
import { DownloadIcon } from '../../view/parts/icons'
import { offerFile } from '../../view/parts/offerfile'

interface DownloadProps {
  readonly uuid: string
  readonly past: GpuPast
}

export function Download({ uuid, past }: DownloadProps) {
  const { session } = usePage()
  const group = useCharts()
  const drawn = past.drawn.value
  if (drawn === null || drawn.timeline.isEmpty) return null
  const save = () => offerFile(shownAsCsv(drawn, group.span.peek(), session.catalog.peek()), `gpufleet-${uuid}-${stamp(group.span.peek())}.csv`)
  const every = new URLSearchParams({ gpu_uuid: uuid, ...spanParameters(group.span.value) })
  return (
    <span class="downloads">
      <button class="button button-small" type="button" onClick={save} data-testid="csv">
        <DownloadIcon /> CSV
      </button>
      <a class="button button-small" href={`/api/v1/export?${every}`} download data-tip="Every sample of this time, as the collector has it">
        All samples
      </a>
    </span>
  )
}

/** One row per step: of gauges the average, least and greatest, of counters what they grew by. */
export function shownAsCsv({ timeline, growth, step }: Drawn, span: Span, catalog: Catalog): string {
  const starts = timeline.starts(span)
  const header = ['start', 'seconds']
  const columns: (readonly (number | null)[])[] = []
  for (const { name, kind } of catalog.values()) {
    if (kind === 'counter') {
      header.push(`${name}_increase`)
      columns.push(starts.map((start) => growth.get(name)?.get(start) ?? null))
      continue
    }
    const { average, low, high } = timeline.column(name, starts)
    header.push(`${name}_avg`, `${name}_min`, `${name}_max`)
    columns.push(average, low, high)
  }
  const rows = starts.map((start, position) => [
    new Date(start).toISOString(),
    step / 1000,
    ...columns.map((column) => column[position] ?? null),
  ])
  return csvOf(header, rows)
}

function stamp({ since, until }: Span): string {
  return [since, until].map((at) => new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')).join('-')
}
