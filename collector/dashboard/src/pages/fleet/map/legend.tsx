// What the map's colours and marks mean.
import type { Metric } from '../../../model/catalog'
import { endsOf } from '../../../model/map/ends'
import type { ClassScale, Mark, RampScale, Scale, Trouble } from '../../../model/map/scale'
import type { Palette } from './paint'

interface LegendProps {
  readonly scale: Scale
  readonly palette: Palette
  /** Undefined for a share, and for the state. */
  readonly metric: Metric | undefined
}

const TROUBLES: readonly (readonly [Trouble, string])[] = [
  ['lost', 'Lost'],
  ['hung', 'Hung'],
  ['mismatch', 'Driver mismatch'],
  ['asleep', 'Asleep'],
  ['absent', 'No value'],
  ['stale', 'Host silent'],
]

export function Legend({ scale, palette, metric }: LegendProps) {
  return (
    <div class="maplegend" data-testid="legend">
      {scale.kind === 'ramp' ? <Ramp scale={scale} colours={palette.steps} metric={metric} /> : <Classes scale={scale} palette={palette} />}
      <ul class="legend-marks">
        {TROUBLES.map(([mark, word]) => (
          <li key={mark}>
            <svg class={`legend-mark is-${mark}`} viewBox="0 0 12 12" aria-hidden="true"><path d={PATHS[mark]} /></svg>
            {word}
          </li>
        ))}
      </ul>
    </div>
  )
}

interface RampProps {
  readonly scale: RampScale
  readonly colours: readonly string[]
  readonly metric: Metric | undefined
}

function Ramp({ scale, colours, metric }: RampProps) {
  const [lowest, highest] = endsOf(metric, scale)
  return (
    <span class="legend-ramp" aria-label={`From ${lowest} to ${highest}`} role="img">
      <span class="legend-end">{lowest}</span>
      <svg class="legend-bar" viewBox={`0 0 ${colours.length} 1`} preserveAspectRatio="none" aria-hidden="true">
        {colours.map((colour, step) => <rect key={step} x={step} y="0" width="1.02" height="1" fill={colour} />)}
      </svg>
      <span class="legend-end">{highest}</span>
    </span>
  )
}

function Classes({ scale, palette }: { readonly scale: ClassScale; readonly palette: Palette }) {
  return (
    <ul class="legend-marks" data-testid="legend-classes">
      {scale.classes.map(({ title, step, mark }) => (
        <li key={title}>
          <svg class="legend-class" viewBox="0 0 12 12" stroke={palette.inks[step]} aria-hidden="true">
            <rect width="12" height="12" rx="2.5" stroke="none" fill={palette.steps[step]} />
            {mark !== 'none' && <path d={PATHS[mark]} />}
          </svg>
          {title}
        </li>
      ))}
    </ul>
  )
}

/** As painted on the canvas, in a box of 12. */
const PATHS: Readonly<Record<Exclude<Mark, 'none'>, string>> = {
  lost: 'M3 3 9 9M9 3 3 9',
  hung: 'M4.5 3v6M7.5 3v6',
  mismatch: 'M3 9 6 3 9 9',
  asleep: 'M7.5 6a1.5 1.5 0 1 1-3 0 1.5 1.5 0 1 1 3 0',
  absent: 'M3 6h6',
  stale: 'M3 9 9 3',
  benign: 'M4 9h4',
  limit: 'M3 3h6',
  warning: 'M6 3v3.7M6 8.1v.9',
}
