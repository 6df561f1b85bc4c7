// Who the host is, how it is, and since when.
import { pathOf } from '../../address/routes'
import { duration, withUnit } from '../../model/format'
import type { Host } from '../../model/host'
import { accountOf, skewText } from '../../model/hostwords'
import { usePage } from '../../view/context'
import { Coded } from '../../view/parts/coded'
import { Fact, Facts } from '../../view/parts/facts'
import { FlaskIcon, WarningIcon } from '../../view/parts/icons'
import { PageHead } from '../../view/parts/pagehead'
import { Time } from '../../view/parts/time'
import { asKnownBefore, Badge, HOST_WORDS } from '../../view/parts/words'

export function HostHead({ host }: { readonly host: Host }) {
  const { session } = usePage()
  const isLive = session.link.value.phase === 'live'
  const wording = HOST_WORDS[host.state]
  return (
    <>
      <PageHead title={host.name} crumbs={[{ title: 'Fleet', href: pathOf('fleet') }]}>
        <Badge wording={isLive ? wording : asKnownBefore(wording)} testid="host-state" />
        {host.simulated && (
          <span class="badge tone-simulated" data-tip="No GPU is behind these readings">
            <FlaskIcon />
            Simulated
          </span>
        )}
        <Labels host={host} />
      </PageHead>
      <Why host={host} />
      <HostFacts host={host} />
    </>
  )
}

function Labels({ host }: { readonly host: Host }) {
  const labels = Object.entries(host.labels)
  if (labels.length === 0) return null
  return (
    <ul class="labels" aria-label="Labels">
      {labels.map(([key, value]) => (
        <li key={key}>
          <bdi class="label-key">{key}</bdi>
          <bdi>{value}</bdi>
        </li>
      ))}
    </ul>
  )
}

function Why({ host }: { readonly host: Host }) {
  const { session } = usePage()
  const isLive = session.link.value.phase === 'live'
  // Reading the signal makes the times grow; without a connection nothing newer is known.
  const now = session.now.value && session.collectorNow()
  if (!isLive) return null
  const { facts, advice } = accountOf(host, now)
  const tone = host.state === 'down' ? 'bad' : host.state === 'late' || (host.state === 'up' && advice !== '') ? 'warn' : 'plain'
  return (
    <div class={`notice why tone-${tone}`} data-testid="why" data-state={host.state}>
      {tone !== 'plain' && <WarningIcon />}
      <p>
        <strong>{facts}</strong> <Coded text={advice} /> {host.note}
      </p>
    </div>
  )
}

function HostFacts({ host }: { readonly host: Host }) {
  const skew = host.skewSeconds === null ? null : skewText(host.skewSeconds)
  return (
    <Facts>
      {host.since !== null && (
        <Fact title={`${HOST_WORDS[host.state].word} since`}>
          <Time at={host.since} />
        </Fact>
      )}
      {host.driverVersion !== null && <Fact title="Driver">{host.driverVersion}</Fact>}
      {host.nvmlVersion !== null && <Fact title="NVML">{host.nvmlVersion}</Fact>}
      {host.backend !== null && <Fact title="Read through">{host.backend}</Fact>}
      {host.interval !== null && <Fact title="Every">{host.interval < 1000 ? withUnit(String(host.interval / 1000), 's') : duration(host.interval)}</Fact>}
      {skew !== null && (
        <Fact title="Clock" testid="skew" tip="Of the host, against the collector's. Charts go by the clock of the host.">
          {skew.isWarning ? (
            <span class="badge tone-warn">
              <WarningIcon />
              {skew.text}
            </span>
          ) : (
            skew.text
          )}
        </Fact>
      )}
      {host.agentVersion !== null && <Fact title="Agent">{host.agentVersion}</Fact>}
      {host.platform !== null && <Fact title="On">{host.platform}</Fact>}
    </Facts>
  )
}
