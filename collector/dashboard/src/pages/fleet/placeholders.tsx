// The page without a fleet: still loading, no host yet, or a collector that cannot say.
import { pathOf } from '../../address/routes'
import type { ApiError } from '../../feed/api'
import { usePage } from '../../view/context'
import { Command } from '../../view/parts/command'

export function StillLoading() {
  return (
    <div class="loading" role="status" data-testid="loading">
      <span class="hidden">Loading the fleet</span>
      <GhostTotals />
      <div class="host ghost ghost-tall" aria-hidden="true" />
      <div class="host ghost ghost-tall" aria-hidden="true" />
    </div>
  )
}

/** Keeps the room of the totals. */
export function GhostTotals() {
  return <div class="totals" aria-hidden="true">{['a', 'b', 'c', 'd', 'e'].map((key) => <div class="tile ghost" key={key} />)}</div>
}

export function NoHosts() {
  const wanted = usePage().list.address.value.host
  if (wanted.length > 0) return <NoSuchHosts hosts={wanted} />
  return (
    <div class="empty" data-testid="empty">
      <h2>No host has connected yet</h2>
      <p>Start an agent on a machine with GPUs:</p>
      <Command text="gpufleet-agent run" />
      <p>No GPU at hand? A simulated fleet shows what this page does:</p>
      <Command text="gpufleet-agent simulate --hosts 8 --gpus 8" />
      <p class="empty-note">
        Agents on other machines: <a href={pathOf('add')}>add a host</a>. This page fills by itself.
      </p>
    </div>
  )
}

function NoSuchHosts({ hosts }: { readonly hosts: readonly string[] }) {
  return (
    <div class="empty" data-testid="empty">
      <h2>No host named {hosts.join(', ')}</h2>
      <p>The address of this page asks for these hosts alone, and none of them has connected.</p>
      <a class="button" href="/">Show the whole fleet</a>
    </div>
  )
}

export function NoAnswer({ failure }: { readonly failure: ApiError }) {
  const { session } = usePage()
  const { title, detail } = failure.problem
  return (
    <div class="empty" role="alert" data-testid="failed">
      <h2>{title}</h2>
      <p>{failure.status === 0 ? 'It may be starting, stopped, or out of reach of this browser.' : detail}</p>
      {failure.status === 401 && <p>This collector wants a token for reading.</p>}
      <p class="empty-note">The page keeps trying.</p>
      <button class="button" type="button" onClick={() => session.retryNow()}>Try now</button>
    </div>
  )
}
