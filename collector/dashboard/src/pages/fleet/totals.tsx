// What is found of the fleet in five numbers, of fresh readings only.
import { fixed, memory, memoryPart, percent, watts } from '../../model/format'
import type { HostState } from '../../model/host'
import type { FleetTotals } from '../../state/fleetstate'
import { Bar, shareOf } from '../../view/parts/bar'
import { usePage } from '../../view/context'
import { Tile } from '../../view/parts/tile'
import { HOST_WORDS, GPU_WORDS } from '../../view/parts/words'

export function Totals({ totals }: TotalsProps) {
  const { session } = usePage()
  const isStale = session.link.value.phase !== 'live'
  return (
    <section class={`totals ${isStale ? 'is-stale' : ''}`} aria-label="Fleet" data-testid="totals">
      <HostsTile totals={totals} />
      <GpusTile totals={totals} />
      <UtilizationTile totals={totals} />
      <MemoryTile totals={totals} />
      <PowerTile totals={totals} />
    </section>
  )
}

type TotalsProps = { readonly totals: FleetTotals }

const STATES_IN_ORDER: readonly HostState[] = ['up', 'late', 'down', 'left', 'unknown']

function HostsTile({ totals }: TotalsProps) {
  const states = STATES_IN_ORDER.filter((state) => totals.hosts[state] > 0)
  const note = states.map((state) => {
    const { icon: Shape, word, tone } = HOST_WORDS[state]
    return (
      <span class={`count tone-${tone}`} key={state} data-testid={`hosts-${state}`}>
        <Shape />
        {totals.hosts[state]} {word.toLowerCase()}
      </span>
    )
  })
  return <Tile title="Hosts" testid="total-hosts" figure={fixed(totals.hostCount, 0)} note={note} />
}

function GpusTile({ totals: { sums } }: TotalsProps) {
  const Shape = GPU_WORDS.lost?.icon
  const note = (
    <>
      {sums.fresh < sums.gpus && <span class="count">{fixed(sums.fresh, 0)} reporting</span>}
      {sums.troubled > 0 && (
        <span class="count tone-bad" data-tip="Lost, hung, or with a driver that does not match">
          {Shape && <Shape />}
          {fixed(sums.troubled, 0)} in trouble
        </span>
      )}
    </>
  )
  return <Tile title="GPUs" testid="total-gpus" figure={fixed(sums.gpus, 0)} note={note} />
}

function UtilizationTile({ totals: { sums } }: TotalsProps) {
  return (
    <Tile
      title="Utilization"
      tip="Mean over the GPUs that report"
      testid="total-utilization"
      figure={sums.utilization === null ? null : percent(sums.utilization)}
      note={sums.utilization === null ? null : 'mean'}
      bar={<Bar share={shareOf(sums.utilization, 100)} kind="utilization" />}
    />
  )
}

function MemoryTile({ totals: { sums } }: TotalsProps) {
  const { memoryUsed: used, memoryTotal: total } = sums
  return (
    <Tile
      title="Memory"
      tip="Used, of the GPUs that report"
      testid="total-memory"
      figure={used === null || total === null ? null : memoryPart(used, total)}
      note={total === null ? null : `of ${memory(total)}`}
      bar={<Bar share={shareOf(used, total)} kind="memory" />}
    />
  )
}

function PowerTile({ totals: { sums } }: TotalsProps) {
  return (
    <Tile
      title="Power now"
      tip="Whole GPUs that report; an instance is part of its GPU"
      testid="total-power"
      figure={sums.power === null ? null : watts(sums.power)}
      note={sums.powerLimit === null ? null : `of ${watts(sums.powerLimit)}`}
      bar={<Bar share={shareOf(sums.power, sums.powerLimit)} kind="power" />}
    />
  )
}
