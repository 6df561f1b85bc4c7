// What the map's colours and marks mean.
import { rampColours, type Theme } from '../../../model/map/ramp'
import type { Mark, Scale } from '../../../model/map/scale'

interface LegendProps {
  readonly scale: Scale
  readonly theme: Theme
  readonly lowest: string
  readonly highest: string
}

const MARKS: readonly (readonly [Exclude<Mark, 'none'>, string])[] = [
  ['lost', 'Lost'],
  ['hung', 'Hung'],
  ['mismatch', 'Driver mismatch'],
  ['asleep', 'Asleep'],
  ['absent', 'No value'],
  ['stale', 'Host silent'],
]

export function Legend({ scale, theme, lowest, highest }: LegendProps) {
  const colours = rampColours(scale.ramp, theme)
  return (
    <div class="legend" data-testid="legend">
      <span class="legend-ramp" aria-label={`From ${lowest} to ${highest}`} role="img">
        <span class="legend-end">{lowest}</span>
        <svg class="legend-bar" viewBox={`0 0 ${colours.length} 1`} preserveAspectRatio="none" aria-hidden="true">
          {colours.map((colour, step) => <rect key={step} x={step} y="0" width="1.02" height="1" fill={colour} />)}
        </svg>
        <span class="legend-end">{highest}</span>
      </span>
      <ul class="legend-marks">
        {MARKS.map(([mark, word]) => (
          <li key={mark}>
            <svg class={`legend-mark is-${mark}`} viewBox="0 0 12 12" aria-hidden="true"><path d={PATHS[mark]} /></svg>
            {word}
          </li>
        ))}
      </ul>
    </div>
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
}
