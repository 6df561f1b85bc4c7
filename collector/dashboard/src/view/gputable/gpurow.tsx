// One GPU as a row of the list; on narrow screens the same cells stack into a card.
import type { ComponentChildren } from 'preact'
import { pathOf } from '../../address/routes'
import type { GpuView } from '../../model/fleet'
import { celsius, fixed, memory, memoryPart, percent, shortName, shortUuid, watts, withUnit } from '../../model/format'
import { metric, type GpuIdentity } from '../../model/gpu'
import { Bar, shareOf } from '../parts/bar'
import { COLUMNS, type Column } from './columns'
import { usePage } from '../context'
import { GpuDetail } from './gpudetail'
import { ChevronIcon } from '../parts/icons'
import { useFollowed } from '../parts/onscreen'
import { Reading } from '../parts/reading'
import { Sparkline } from '../parts/sparkline'
import { GpuStatus } from '../parts/gpustatus'

const HOTTEST_SHOWN = 100
const WARM = 80
const HOT = 90

export function GpuRow({ uuid }: { readonly uuid: string }) {
  const { session, list } = usePage()
  const view = useFollowed(session.state.gpu(uuid))
  const freshness = useFollowed(session.state.freshnessOf(uuid))
  if (!view || !freshness) return null
  const isOpen = list.isGpuOpen(uuid)
  return (
    <>
      <tr
        role="row"
        class={`gpu ${freshness.stale === null ? '' : 'is-stale'} gpu-state-${view.gpu.state}`}
        data-testid="gpu"
        data-gpu={uuid}
        data-state={view.gpu.state}
        data-stale={freshness.stale ?? ''}
      >
        <Identity view={view} isOpen={isOpen} onToggle={() => list.toggleGpu(uuid)} />
        <Utilization view={view} />
        <Cell column={COLUMNS.utilizationHour}>
          <Sparkline uuid={uuid} name="gpu_utilization_percent" top={100} label="Utilization" />
        </Cell>
        <Memory view={view} />
        <Temperature view={view} />
        <Power view={view} />
        <Cell column={COLUMNS.powerHour}>
          <Sparkline uuid={uuid} name="power_watts" top={metric(view.values, 'power_limit_watts') ?? 1} label="Power" />
        </Cell>
        <Plain view={view} column={COLUMNS.clock} format={(value) => withUnit(fixed(value, 0), 'MHz')} />
        <Plain view={view} column={COLUMNS.fan} format={percent} />
        <Plain view={view} column={COLUMNS.processes} format={(value) => fixed(value, 0)} />
        <Cell column={COLUMNS.status}>
          <GpuStatus view={view} freshness={freshness} />
        </Cell>
      </tr>
      {isOpen && <GpuDetail view={view} />}
    </>
  )
}

function Cell({ column, children }: { readonly column: Column; readonly children: ComponentChildren }) {
  return (
    <td role="cell" class={`cell cell-${column.key}`} data-label={column.title}>
      {children}
    </td>
  )
}

interface IdentityProps {
  readonly view: GpuView
  readonly isOpen: boolean
  readonly onToggle: () => void
}

function Identity({ view: { gpu }, isOpen, onToggle }: IdentityProps) {
  const isInstance = gpu.parentUuid !== null
  const name = isInstance ? instanceName(gpu) : shortName(gpu.name ?? 'Unnamed GPU')
  return (
    <th role="rowheader" scope="row" class={`cell cell-gpu ${isInstance ? 'is-instance' : ''}`}>
      <span class="gpu-identity">
        <button class="row-toggle" type="button" aria-expanded={isOpen} aria-label={`Values of ${name} ${gpu.index ?? ''}`} onClick={onToggle}>
          <ChevronIcon class="chevron" />
        </button>
        <a class="gpu-link" href={pathOf('gpu', gpu.uuid)} data-tip={shortUuid(gpu.uuid)} data-testid="open-gpu">
          <span class="gpu-index">
            <span class="hidden">{isInstance ? 'MIG instance of GPU ' : 'GPU '}</span>
            {gpu.index ?? '–'}
          </span>
          <span class="gpu-name">{name}</span>
        </a>
      </span>
    </th>
  )
}

function instanceName({ migProfile, migInstance }: GpuIdentity): string {
  const profile = migProfile ?? 'MIG instance'
  return migInstance === null ? profile : `${profile} · ${migInstance}`
}

function Utilization({ view }: { readonly view: GpuView }) {
  const ofMemory = metric(view.values, 'memory_utilization_percent')
  return (
    <Cell column={COLUMNS.utilization}>
      <span class="figures">
        <Reading view={view} name="gpu_utilization_percent" format={percent} class="figure" />
        {ofMemory !== null && (
          <span class="aside" data-tip="Share of time in which memory was read or written">
            <span class="hidden">memory </span>
            <span data-testid="gpu-memory_utilization_percent" data-value={ofMemory}>{percent(ofMemory)}</span>
            <span aria-hidden="true"> mem</span>
          </span>
        )}
      </span>
      <Bar share={shareOf(metric(view.values, 'gpu_utilization_percent'), 100)} kind="utilization" />
    </Cell>
  )
}

function Memory({ view }: { readonly view: GpuView }) {
  const used = metric(view.values, 'memory_used_mb')
  const total = metric(view.values, 'memory_total_mb')
  const format = (value: number) => (total === null ? memory(value) : memoryPart(value, total))
  return (
    <Cell column={COLUMNS.memory}>
      <PartOfWhole view={view} part="memory_used_mb" whole="memory_total_mb" formatPart={format} formatWhole={memory} />
      <Bar share={shareOf(used, total)} kind="memory" />
    </Cell>
  )
}

function Power({ view }: { readonly view: GpuView }) {
  const limit = metric(view.values, 'power_limit_watts')
  const format = (value: number) => (limit === null || limit >= 1000 ? watts(value) : fixed(value, value < 9.95 ? 1 : 0))
  return (
    <Cell column={COLUMNS.power}>
      <PartOfWhole view={view} part="power_watts" whole="power_limit_watts" formatPart={format} formatWhole={watts} />
      <Bar share={shareOf(metric(view.values, 'power_watts'), limit)} kind="power" />
    </Cell>
  )
}

interface PartOfWholeProps {
  readonly view: GpuView
  readonly part: string
  readonly whole: string
  readonly formatPart: (value: number) => string
  readonly formatWhole: (value: number) => string
}

/** `45.2 / 79.6 GiB`; nothing at all about the whole when both are absent. */
function PartOfWhole({ view, part, whole, formatPart, formatWhole }: PartOfWholeProps) {
  const isWholeKnown = metric(view.values, whole) !== null
  return (
    <span class="figures">
      <span>
        <Reading view={view} name={part} format={formatPart} class="figure" />
        {isWholeKnown && (
          <span class="whole">
            <span aria-hidden="true"> / </span>
            <span class="hidden"> of </span>
            <Reading view={view} name={whole} format={formatWhole} />
          </span>
        )}
      </span>
    </span>
  )
}

function Temperature({ view }: { readonly view: GpuView }) {
  const core = metric(view.values, 'temperature_celsius')
  const ofMemory = metric(view.values, 'memory_temperature_celsius')
  return (
    <Cell column={COLUMNS.temperature}>
      <span class="figures">
        <Reading view={view} name="temperature_celsius" format={celsius} class="figure" />
        {ofMemory !== null && (
          <span class="aside" data-tip="Memory temperature">
            <span class="hidden">memory </span>
            <span data-testid="gpu-memory_temperature_celsius" data-value={ofMemory}>{fixed(ofMemory, 0)}°</span>
            <span aria-hidden="true"> mem</span>
          </span>
        )}
      </span>
      <Bar share={shareOf(core, HOTTEST_SHOWN)} kind={heatOf(core)} />
    </Cell>
  )
}

function heatOf(celsius: number | null): string {
  if (celsius === null || celsius < WARM) return 'cool'
  return celsius < HOT ? 'warm' : 'hot'
}

interface PlainProps {
  readonly view: GpuView
  readonly column: Column & { readonly metric: string }
  readonly format: (value: number) => string
}

function Plain({ view, column, format }: PlainProps) {
  return (
    <Cell column={column}>
      <Reading view={view} name={column.metric} format={format} />
    </Cell>
  )
}
