// One host: who it is and how it is, its sums, and its GPUs while it is open.
import { useEffect, useRef } from 'preact/hooks'
import { pathOf } from '../../address/routes'
import type { HostGroup } from '../../model/fleet'
import { duration, memory, memoryPart, percent, plural, shortName, watts } from '../../model/format'
import type { Host } from '../../model/host'
import type { Totals } from '../../model/totals'
import { usePage } from '../../view/context'
import { GpuTable } from '../../view/gputable/gputable'
import { GpuStrip } from '../../view/parts/gpustrip'
import { ChevronIcon, ClockIcon, FlaskIcon, LostIcon, WarningIcon } from '../../view/parts/icons'
import { OnScreen, useFollowed, useOnScreen } from '../../view/parts/onscreen'
import { asKnownBefore, Badge, HOST_WORDS } from '../../view/parts/words'

export function HostCard({ group }: { readonly group: HostGroup }) {
  const { session, list } = usePage()
  const element = useRef<HTMLElement>(null)
  const isOnScreen = useOnScreen(element)
  const host = session.state.host(group.host).value
  const isOpen = list.isOpen(group.host)
  const isLive = session.link.value.phase === 'live'
  const isLooked = isOnScreen.value && isOpen && isLive
  useEffect(() => {
    if (isLooked) session.wantHistory(group.host)
  }, [isLooked, group.host])
  if (!host) return null
  return (
    <OnScreen.Provider value={list.isLarge.value ? isOnScreen : null}>
      <section
        ref={element}
        class={`host ${isOpen ? '' : 'is-closed'} ${isLive ? '' : 'is-old'}`}
        aria-label={host.name}
        data-testid="host"
        data-host={host.name}
        data-state={host.state}
      >
        <HostHeader host={host} group={group} isOpen={isOpen} />
        {isOpen && <HostBody host={host} group={group} />}
      </section>
    </OnScreen.Provider>
  )
}

interface PartProps {
  readonly host: Host
  readonly group: HostGroup
}

function HostHeader({ host, group, isOpen }: PartProps & { readonly isOpen: boolean }) {
  const { session, list } = usePage()
  const summary = useFollowed(session.state.summary(host.name))
  const wording = HOST_WORDS[host.state]
  const isLive = session.link.value.phase === 'live'
  return (
    <header class="host-header">
      <h2 class="host-title">
        <button
          class="row-toggle"
          type="button"
          aria-expanded={isOpen}
          aria-label={`GPUs of ${host.name}`}
          onClick={() => list.setOpen(host.name, !isOpen)}
        >
          <ChevronIcon class="chevron" />
        </button>
        <a class="host-name" href={pathOf('host', host.name)} data-testid="open-host">{host.name}</a>
      </h2>
      <span class="host-badges">
        <Badge wording={isLive ? wording : asKnownBefore(wording)} testid="host-state" />
        {host.simulated && (
          <span class="badge tone-simulated" data-testid="host-simulated" data-tip="No GPU is behind these readings">
            <FlaskIcon />
            Simulated
          </span>
        )}
        <LastSeen host={host} />
      </span>
      <span class="host-facts">
        <Models group={group} />
        {host.driverVersion !== null && <span class="host-driver">driver {host.driverVersion}</span>}
      </span>
      {!isOpen && <GpuStrip uuids={group.gpus} />}
      {summary && <HostSums sums={summary} />}
    </header>
  )
}

/** For a host that is not up: how long ago it was heard. */
function LastSeen({ host }: { readonly host: Host }) {
  const { session } = usePage()
  if (host.state === 'up' || host.lastSeen === null) return null
  // Reading the signal makes the age grow on the screen.
  const elapsed = session.now.value && session.collectorNow() - host.lastSeen
  return (
    <span class="badge tone-stale" data-testid="host-last-seen">
      <ClockIcon />
      Last seen {duration(elapsed)} ago
    </span>
  )
}

function Models({ group }: { readonly group: HostGroup }) {
  const { session } = usePage()
  const counts = new Map<string, number>()
  for (const uuid of group.gpus) {
    const gpu = session.state.fleet.gpu(uuid)?.gpu
    if (gpu?.parentUuid !== null) continue
    const name = shortName(gpu.name ?? 'Unnamed GPU')
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const texts = [...counts].map(([name, count]) => `${count} × ${name}`)
  return <span class="host-models">{texts.length === 0 ? 'no GPUs' : texts.join(', ')}</span>
}

function HostSums({ sums }: { readonly sums: Totals }) {
  if (sums.fresh === 0 && sums.troubled === 0) return null
  return (
    <span class="host-sums">
      {sums.troubled > 0 && (
        <span class="count tone-bad">
          <LostIcon />
          {plural(sums.troubled, 'GPU')} in trouble
        </span>
      )}
      {sums.fresh > 0 && <FreshSums sums={sums} />}
    </span>
  )
}

function FreshSums({ sums: { utilization, memoryUsed, memoryTotal, power } }: { readonly sums: Totals }) {
  return (
    <>
      <Sum label="util" value={utilization === null ? null : percent(utilization)} />
      <Sum
        label="memory"
        value={memoryUsed === null || memoryTotal === null ? null : `${memoryPart(memoryUsed, memoryTotal)} / ${memory(memoryTotal)}`}
      />
      <Sum label="power" value={power === null ? null : watts(power)} />
    </>
  )
}

function Sum({ label, value }: { readonly label: string; readonly value: string | null }) {
  return (
    <span class={`sum sum-${label}`}>
      <span class="sum-label">{label}</span> {value === null ? <span class="absent">n/a</span> : value}
    </span>
  )
}

function HostBody({ host, group }: PartProps) {
  if (group.gpus.length === 0) return <NoGpus host={host} />
  return (
    <>
      {host.note !== null && <p class="host-note"><WarningIcon /> {host.note}</p>}
      <GpuTable host={host.name} uuids={group.gpus} />
    </>
  )
}

function NoGpus({ host }: { readonly host: Host }) {
  return (
    <p class="host-note">
      <WarningIcon /> {host.note ?? 'This host reports no GPU.'}
      {host.backend === null && ' `gpufleet-agent doctor` on the host says what it finds.'}
    </p>
  )
}
