// One GPU: who it is, how it is, and what it did.
import { useSignal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { gpuAddress } from '../../address/gpu'
import { fixed, panned, spanOf, widened, type Range, type Span } from '../../address/range'
import { useAddress, usePage } from '../../view/context'
import { AllValues } from '../../view/parts/allvalues'
import { Happenings } from '../../view/parts/happenings'
import { Panel } from '../../view/parts/panel'
import { Processes } from '../../view/parts/processes'
import { ChartContext, ChartGroup } from '../../view/chart/group'
import { CHART_KEYS } from '../../view/chart/keys'
import { useHappenings } from '../../view/parts/usehappenings'
import { useKeys } from '../../view/parts/usekeys'
import type { PageProps } from '../registry'
import { GpuCharts } from './charts'
import { GpuHead } from './head'
import { Instances } from './instances'
import { RangeBar } from './rangebar'
import { Tiles } from './tiles'
import { UnknownGpu, WaitingForGpu } from './unknown'
import { usePast } from './usepast'
import './gpu.css'

export default function GpuPage({ subject: uuid }: PageProps) {
  const { session } = usePage()
  const [{ range }] = useAddress(gpuAddress)
  const view = session.state.gpu(uuid).value
  const past = usePast(uuid, range)
  const group = useChartGroup(range)
  const happenings = useHappenings({ gpu_uuid: uuid }, group.span.value, ({ gpuUuid }) => gpuUuid === uuid)
  const hasPast = past.drawn.value !== null && !past.drawn.value.timeline.isEmpty
  if (view === undefined && !session.isLoaded.value) return <WaitingForGpu uuid={uuid} />
  return (
    <ChartContext.Provider value={group}>
      {view === undefined ? <UnknownGpu uuid={uuid} hasPast={hasPast} /> : <GpuHead view={view} />}
      {view !== undefined && <Tiles view={view} />}
      {(view !== undefined || hasPast) && (
        <>
          <RangeBar uuid={uuid} past={past} />
          <GpuCharts past={past} happenings={happenings.data ?? []} absent={view?.absent ?? {}} />
        </>
      )}
      {view !== undefined && (
        <div class="columns-2">
          <Processes filter={{ gpu_uuid: uuid }} absent={view.absent['process_count']} />
          <Happenings loaded={happenings} span={group.span.value} />
        </div>
      )}
      {view !== undefined && <Instances view={view} />}
      {view !== undefined && (
        <Panel title="All values now" testid="all-values">
          <div class="panel-body">
            <AllValues view={view} />
          </div>
        </Panel>
      )}
      <p class="hidden" aria-live="polite">{group.spoken.value}</p>
    </ChartContext.Provider>
  )
}

/** The time of all charts: what the address says, moving on with the present where it is "the last so long". */
function useChartGroup(range: Range): ChartGroup {
  const { session, router } = usePage()
  const [, change] = useAddress(gpuAddress)
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
    const zoomTo = (next: Range) => latest.current.change({ range: next }, { isZoom: true })
    const widen = () => zoomTo(widened(current(), 2, currentNow()))
    return new ChartGroup(span, {
      zoom: (chosen) => zoomTo(fixed(chosen, currentNow())),
      // Of a time that stands, only where it is changes; the present is left as with a zoom, and can be gone back to.
      pan: (share) => {
        const move = latest.current.range.kind === 'fixed' ? { isReplacing: true } : { isZoom: true }
        latest.current.change({ range: panned(current(), share, currentNow()) }, move)
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
