// What happened, as lines across a chart with a mark on top; the shape says how bad it was. The list of events says the same for keys and screen readers.
import { useMemo } from 'preact/hooks'
import { kindText, type Happening } from '../../model/happening'
import { localTime } from '../../model/instant'
import { marksOf, type Mark } from '../../model/marks'
import { SEVERITY_WORDS } from '../parts/severities'
import { useCharts } from './group'

const APART = 0.012
const MOST_IN_TIP = 4

export function Marks({ happenings }: { readonly happenings: readonly Happening[] }) {
  const span = useCharts().shown
  const marks = useMemo(() => marksOf(happenings, span, APART), [happenings, span])
  return (
    <div class="marks" aria-hidden="true">
      {marks.map((mark) => <MarkLine key={mark.at} mark={mark} />)}
    </div>
  )
}

function MarkLine({ mark }: { readonly mark: Mark }) {
  const { icon: Shape } = SEVERITY_WORDS[mark.severity]
  return (
    <span class={`mark mark-${mark.severity}`} style={{ left: `${(mark.place * 100).toFixed(3)}%` }} data-testid="mark">
      <span class="mark-head" data-tip={tipOf(mark)}>
        <Shape />
      </span>
    </span>
  )
}

function tipOf({ happenings }: Mark): string {
  const shown = happenings.slice(0, MOST_IN_TIP)
  const lines = shown.map((happening) => `${localTime(happening.occurredAt, 'day')}  ${kindText(happening)}: ${happening.text}`)
  const rest = happenings.length - shown.length
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')
}
