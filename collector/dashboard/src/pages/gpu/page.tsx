// One GPU: who it is, how it is, and what it did.
import { gpuAddress } from '../../address/gpu'
import { absenceText } from '../../model/absence'
import type { GpuView } from '../../model/fleet'
import type { Host } from '../../model/host'
import { ChartContext } from '../../view/chart/group'
import { useChartGroup } from '../../view/chart/usechartgroup'
import { useAddress, usePage } from '../../view/context'
import { AllValues } from '../../view/parts/allvalues'
import { Happenings } from '../../view/parts/happenings'
import { Panel } from '../../view/parts/panel'
import { Processes } from '../../view/parts/processes'
import { useHappenings } from '../../view/parts/usehappenings'
import { GPU_WORDS, HOST_WORDS } from '../../view/parts/words'
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
  const [{ range }, change] = useAddress(gpuAddress)
  const view = session.state.gpu(uuid).value
  const past = usePast(uuid, range)
  const group = useChartGroup(range, (next, move) => change({ range: next }, move))
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
          <Processes filter={{ gpu_uuid: uuid }} unknown={whyUnknown(view, session.state.host(view.gpu.host).value)} />
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

/** Why an empty list of processes does not mean that nobody holds the GPU; null where it does. */
function whyUnknown({ gpu, absent }: GpuView, host: Host | undefined): string | null {
  if (host !== undefined && host.state !== 'up') return HOST_WORDS[host.state].tip
  if (gpu.state !== 'ok') return GPU_WORDS[gpu.state]?.tip ?? null
  const reason = absent['process_count']
  return reason === undefined ? null : absenceText(reason, true)
}
