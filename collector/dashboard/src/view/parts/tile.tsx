// One large number with its title, and what it is measured by.
import type { ComponentChildren } from 'preact'

interface TileProps {
  readonly title: string
  readonly tip?: string
  readonly testid: string
  /** Null where it cannot be said. */
  readonly figure: string | null
  /** What stands for it then. */
  readonly absent?: ComponentChildren
  readonly note?: ComponentChildren
  readonly bar?: ComponentChildren
}

export function Tile({ title, tip, testid, figure, absent = 'n/a', note, bar }: TileProps) {
  return (
    <div class="tile" data-testid={testid}>
      <h2 class="tile-title" data-tip={tip}>{title}</h2>
      <p class="tile-line">
        {figure === null ? <span class="absent tile-figure">{absent}</span> : <span class="tile-figure">{figure}</span>}
        <span class="tile-note">{note}</span>
      </p>
      {bar}
    </div>
  )
}
