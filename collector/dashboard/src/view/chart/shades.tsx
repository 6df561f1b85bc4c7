// Times of which not everything is known, hatched behind the lines. Beneath the charts they are told in words.
import type { Span } from '../../address/range'
import { useCharts } from './group'

export function Shades({ spans }: { readonly spans: readonly Span[] }) {
  const shown = useCharts().shown
  const place = (at: number) => Math.min(1, Math.max(0, (at - shown.since) / (shown.until - shown.since)))
  return (
    <div class="shades" aria-hidden="true">
      {spans.map(({ since, until }, position) => {
        const [left, right] = [place(since), place(until)]
        // Where all is hatched nothing is told apart.
        if (right <= left || right - left === 1) return null
        return <span key={position} class="shade" style={{ left: percent(left), width: percent(right - left) }} data-testid="shade" />
      })}
    </div>
  )
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`
}
