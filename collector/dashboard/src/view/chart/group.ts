// The charts of a page belong together: one time, one crosshair, one zoom.
import { signal, type ReadonlySignal, type Signal } from '@preact/signals'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Span } from '../../address/range'

/** What a gesture on any of the charts does to all of them. */
export interface Moves {
  readonly zoom: (span: Span) => void
  /** By a share of the range; negative is earlier. */
  readonly pan: (share: number) => void
  readonly widen: () => void
  /** To what was shown before the zoom, or wider. */
  readonly back: () => void
}

export class ChartGroup {
  /** The moment under the pointer or moved to by keys, in milliseconds. */
  readonly cursor: Signal<number | null> = signal(null)
  /** The plot whose pointer moved the crosshair: it has drawn it already. Null where keys did. */
  origin: object | null = null
  /** What is being chosen by keys. */
  readonly selection: Signal<Span | null> = signal(null)
  /** What is shown while it is dragged along, before the address has it. */
  readonly preview: Signal<Span | null> = signal(null)
  /** Said to screen readers as keys move the crosshair. */
  readonly spoken: Signal<string> = signal('')

  constructor(
    readonly span: ReadonlySignal<Span>,
    readonly moves: Moves,
  ) {}

  get shown(): Span {
    return this.preview.value ?? this.span.value
  }
}

export const ChartContext = createContext<ChartGroup | null>(null)

export function useCharts(): ChartGroup {
  const group = useContext(ChartContext)
  if (group === null) throw new Error('a chart outside of a group')
  return group
}
