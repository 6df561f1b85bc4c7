// What the agent costs its host, and how it gets through to the collector; both as it says itself.
import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { AgentCost } from '../../model/cost'
import { compact, duration, fixed, memory, withUnit } from '../../model/format'
import type { Host } from '../../model/host'
import { Panel } from '../../view/parts/panel'
import { Nothing } from '../../view/parts/states'

const MIB = 2 ** 20

export function AgentPanel({ host }: { readonly host: Host }) {
  const share = useCpuShare(host)
  const { cost } = host
  return (
    <Panel title="Its agent" aside="as it says itself" testid="agent">
      {cost === null ? (
        <Nothing>It has not said yet: it does so with every heartbeat.</Nothing>
      ) : (
        <dl class="panel-body agent-facts">
          <Line title="Memory" tip="Resident, of the supervisor and of the probe that reads the GPUs">{memoryText(cost)}</Line>
          <Line title="CPU" tip="Of one core, lately; and since it began">
            {share !== null && `${withUnit(fixed(share * 100, share < 0.1 ? 2 : 1), '%')} of a core, `}
            {cost.cpuSeconds === null ? 'n/a' : `${cpuText(cost.cpuSeconds)} in all`}
          </Line>
          <Line title="Samples taken">{count(cost.samplesTaken)}</Line>
          <Line title="Samples dropped" isBad={sum(cost.samplesDropped, cost.spoolDropped) > 0} tip="Lost beyond the bounds of memory and disk">
            {count(sum(cost.samplesDropped, cost.spoolDropped))}
          </Line>
          <Line title="Waiting to be stored" isBad={(cost.spoolReports ?? 0) > 0} tip="Reports in memory, and on the disk of the host">
            {count(cost.unackedReports)} in memory{cost.spoolReports === null ? '' : `, ${count(cost.spoolReports)} on disk (${memory((cost.spoolBytes ?? 0) / MIB)})`}
          </Line>
          <Line title="Reconnects">{count(cost.reconnects)}</Line>
          <Line title="Restarts of the probe" isBad={(cost.probeRestarts ?? 0) > 0} tip="It is started anew when a call of the driver hangs, or the driver was changed">
            {count(cost.probeRestarts)}
          </Line>
          {(cost.spoolFailures ?? 0) > 0 && <Line title="Failures of its disk" isBad>{count(cost.spoolFailures)}</Line>}
          {cost.hungCall !== null && <Line title="Hanging call" isBad>{cost.hungCall}</Line>}
        </dl>
      )}
    </Panel>
  )
}

interface LineProps {
  readonly title: string
  readonly tip?: string
  readonly isBad?: boolean
  readonly children: ComponentChildren
}

function Line({ title, tip, isBad = false, children }: LineProps) {
  return (
    <div class="fact">
      <dt data-tip={tip}>{title}</dt>
      <dd class={isBad ? 'tone-warn' : ''}>{children}</dd>
    </div>
  )
}

function memoryText({ supervisorRssBytes, probeRssBytes }: AgentCost): string {
  const text = (bytes: number | null) => (bytes === null ? 'n/a' : withUnit(fixed(bytes / MIB, 0), 'MiB'))
  if (supervisorRssBytes === null && probeRssBytes === null) return 'n/a'
  return `${text(supervisorRssBytes)} and ${text(probeRssBytes)}`
}

function cpuText(seconds: number): string {
  return seconds < 100 ? withUnit(compact(Math.round(seconds * 10) / 10), 's') : duration(seconds * 1000)
}

function count(value: number | null): string {
  return value === null ? 'n/a' : fixed(value, 0)
}

function sum(...values: (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0)
}

interface Seen {
  readonly cpu: number
  readonly at: number
}

/** Of one core, between the first and the latest heartbeat that this page has seen; null before there are two. */
function useCpuShare({ name, cost, lastSeen }: Host): number | null {
  const first = useRef<(Seen & { readonly name: string }) | null>(null)
  const latest = useRef<Seen | null>(null)
  if (cost?.cpuSeconds == null || lastSeen === null) return null
  const { cpuSeconds } = cost
  // An agent that was started anew counts from zero again.
  if (first.current === null || first.current.name !== name || cpuSeconds < first.current.cpu) first.current = { name, cpu: cpuSeconds, at: lastSeen }
  if (latest.current === null || cpuSeconds !== latest.current.cpu) latest.current = { cpu: cpuSeconds, at: lastSeen }
  const elapsed = (latest.current.at - first.current.at) / 1000
  return elapsed < 5 ? null : (latest.current.cpu - first.current.cpu) / elapsed
}
