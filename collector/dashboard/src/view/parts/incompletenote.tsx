// Of which times not everything is known, and why: what the hatched parts of charts mean.
import { spanText } from '../../model/instant'
import { byReason, type Incomplete } from '../../model/incomplete'

const MOST_SAID = 3

interface IncompleteNoteProps {
  readonly incomplete: readonly Incomplete[]
}

export function IncompleteNote({ incomplete }: IncompleteNoteProps) {
  if (incomplete.length === 0) return null
  return (
    <ul class="incomplete" data-testid="incomplete">
      {byReason(incomplete).map(({ text, spans }) => (
        <li key={text}>
          <span class="incomplete-swatch" aria-hidden="true" />
          {spans.slice(-MOST_SAID).map(({ since, until }) => spanText(since, until)).join('; ')}
          {spans.length > MOST_SAID && ` and ${spans.length - MOST_SAID} times before`}: {text}.
        </li>
      ))}
    </ul>
  )
}
