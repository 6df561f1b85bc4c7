// The lines of a chart with their names, and their values: at the crosshair, or the latest.
import { nearestIndex } from '../../model/points'
import { dashOf } from './colours'
import { useCharts } from './group'
import type { ChartLine, ChartSpec } from './spec'
import { latestOf, textAt } from './summary'

export function Legend({ spec }: { readonly spec: ChartSpec }) {
  const moment = useCharts().cursor.value
  const pointed = moment === null ? null : nearestIndex(spec.times, moment / 1000)
  return (
    <ul class="legend">
      {spec.lines.map((line, position) => {
        const index = pointed ?? latestOf(spec, line.average)
        const text = index === null ? null : textAt(line, index)
        return (
          <li key={line.key} data-tip={line.metric.help}>
            <Swatch line={line} position={position} />
            <span class="legend-name">{line.title}</span>
            <span class="legend-value" data-testid={`legend-${line.key}`}>{text ?? 'n/a'}</span>
          </li>
        )
      })}
    </ul>
  )
}

function Swatch({ line, position }: { readonly line: ChartLine; readonly position: number }) {
  const place = line.place ?? position
  const dash = line.form === 'limit' ? [3, 3] : line.form === 'before' ? [2, 3] : dashOf(place)
  const tone = line.form === 'limit' ? 'swatch-limit' : `swatch-${(place % 8) + 1}`
  return (
    <svg class={`swatch ${tone}`} width="18" height="8" aria-hidden="true">
      <path d="M0 4H18" stroke-dasharray={dash.join(' ')} />
    </svg>
  )
}
