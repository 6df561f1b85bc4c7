// The charts of a page as a group whose time is the page's address: every gesture on them is a change of it.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { fixed, panned, spanOf, widened, type Range, type Span } from '../../address/range'
import { usePage, type Move } from '../context'
import { useKeys } from '../parts/usekeys'
import { ChartGroup } from './group'
import { CHART_KEYS } from './keys'

type Change = (range: Range, move?: Move) => void

/** Its time moves on with the present where the range is "the last so long". */
export function useChartGroup(range: Range, change: Change): ChartGroup {
  const { session, router } = usePage()
  const span = useSignal<Span>(spanNow(range, session.collectorNow()))
  // Reading the signal is what makes it move on.
  const now = session.now.value
  useEffect(() => {
    const next = spanNow(range, session.collectorNow())
    const shown = span.peek()
    if (next.since !== shown.since || next.until !== shown.until) span.value = next
  }, [range, now])
  const latest = useLatest({ range, change })
  const group = useMemo(() => {
    const currentNow = () => session.collectorNow()
    const current = () => spanOf(latest.current.range, currentNow())
    const zoomTo = (next: Range) => latest.current.change(next, { isZoom: true })
    const widen = () => zoomTo(widened(current(), 2, currentNow()))
    return new ChartGroup(span, {
      zoom: (chosen) => zoomTo(fixed(chosen, currentNow())),
      // Of a time that stands, only where it is changes; the present is left as with a zoom, and can be gone back to.
      pan: (share) => {
        const move = latest.current.range.kind === 'fixed' ? { isReplacing: true } : { isZoom: true }
        latest.current.change(panned(current(), share, currentNow()), move)
      },
      widen,
      back: () => (router.isZoomed ? router.back() : widen()),
    })
  }, [])
  useKeys('Charts', [
    { keys: '[', help: 'Earlier', run: () => group.moves.pan(-0.5) },
    { keys: ']', help: 'Later', run: () => group.moves.pan(0.5) },
    ...CHART_KEYS.map((binding) => ({ ...binding, run: null })),
  ])
  return group
}

/** It moves on in steps that can be seen, so that charts are not drawn for less than a point of the screen. */
function spanNow(range: Range, now: number): Span {
  if (range.kind === 'fixed') return range
  const pace = Math.max(1_000, range.seconds)
  return spanOf(range, Math.ceil(now / pace) * pace)
}

function useLatest<T>(value: T): { current: T } {
  const latest = useMemo(() => ({ current: value }), [])
  latest.current = value
  return latest
}
