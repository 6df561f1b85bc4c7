// A chart of one unit over the time of its group, with a legend that reads the crosshair, and marks of what happened.
import { useEffect, useRef } from 'preact/hooks'
import type { Happening } from '../../model/happening'
import { localTime } from '../../model/instant'
import { usePage } from '../context'
import { useOnScreen } from '../parts/onscreen'
import './chart.css'
import { useCharts } from './group'
import { pressed } from './keys'
import { Legend } from './legend'
import { Marks } from './marks'
import { Plot } from './plot'
import { Shades } from './shades'
import type { ChartSpec } from './spec'
import { pointText, summaryOf } from './summary'

interface ChartProps {
  readonly spec: ChartSpec
  readonly happenings: readonly Happening[]
}

export function Chart({ spec, happenings }: ChartProps) {
  const group = useCharts()
  const element = useRef<HTMLDivElement>(null)
  usePlot(element, spec)
  const summaryId = `chart-summary-${spec.id}`
  const say = (index: number) => `${localTime((spec.times[index] ?? 0) * 1000, 'day')}: ${pointText(spec, index)}`
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !pressed(event, group, spec.times, say)) return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <figure class="chart" data-testid="chart" data-chart={spec.id}>
      <figcaption class="chart-head">
        <h3 class="chart-title">{spec.title}</h3>
        <Legend spec={spec} />
      </figcaption>
      <div
        class="chart-plot"
        tabIndex={0}
        role="group"
        aria-roledescription="chart"
        aria-label={spec.title}
        aria-describedby={summaryId}
        onKeyDown={press}
        onBlur={() => (group.selection.value = null)}
      >
        <Shades spans={spec.incomplete} />
        <div class="chart-canvas" ref={element} aria-hidden="true" />
        <Marks happenings={happenings} />
      </div>
      <p class="hidden" id={summaryId}>{summaryOf(spec, group.span.value)}</p>
    </figure>
  )
}

/** Drawn only near the screen: a page may have two dozen charts. */
function usePlot(element: { readonly current: HTMLDivElement | null }, spec: ChartSpec): void {
  const { theme } = usePage()
  const group = useCharts()
  const isOnScreen = useOnScreen(element).value
  const plot = useRef<Plot | null>(null)
  useEffect(() => {
    const node = element.current
    if (!isOnScreen || node === null) return undefined
    plot.current = new Plot(node, spec, group, theme.current)
    return () => {
      plot.current?.destroy()
      plot.current = null
    }
  }, [isOnScreen, group])
  useEffect(() => plot.current?.update(spec), [spec])
}
