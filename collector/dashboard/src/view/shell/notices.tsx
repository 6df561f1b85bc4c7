// What has to be said above everything else: a lost connection and errors of the collector.
import type { Problem } from '../../feed/messages'
import { ConnectionNotice } from './connection'
import { usePage } from '../context'
import { CloseIcon, WarningIcon } from '../parts/icons'

export function Notices() {
  const { session } = usePage()
  return (
    <div class="notices">
      <InsecureNotice />
      <ConnectionNotice />
      <FactsNotice />
      <BusNotice />
      {session.notices.value.map((problem) => <ProblemNotice key={problem.title + problem.detail} problem={problem} />)}
    </div>
  )
}

/** Said on every page for as long as it is so. */
function InsecureNotice() {
  const { access } = usePage()
  if (access.state.value?.isInsecure !== true) return null
  return (
    <div class="notice tone-warn" role="status" data-testid="insecure">
      <WarningIcon />
      <p>
        <strong>Anybody on the network may read and write here.</strong> The collector was told to listen without TLS and
        tokens (<code>GPUFLEET_ALLOW_INSECURE</code>).
      </p>
    </div>
  )
}

/** When events come but the lists of hosts and GPUs do not. */
function FactsNotice() {
  const { session } = usePage()
  const failure = session.failure.value
  if (failure === null || session.link.value.phase !== 'live' || session.state.groups.value.length === 0) return null
  return (
    <div class="notice tone-warn" role="alert">
      <WarningIcon />
      <p>
        <strong>Hosts cannot be listed: {failure.problem.title}.</strong>{' '}
        {failure.problem.detail !== null && sentence(failure.problem.detail)}
      </p>
    </div>
  )
}

/** When this collector hears nothing of the others. */
function BusNotice() {
  const { session } = usePage()
  if (!session.isBusAway.value || session.link.value.phase !== 'live') return null
  return (
    <div class="notice tone-warn" role="alert" data-testid="bus-away">
      <WarningIcon />
      <p>
        <strong>Only the hosts of this collector are live.</strong> The bus between the collectors is away: hosts that stream
        to another one are shown as unknown until it is back.
      </p>
    </div>
  )
}

function ProblemNotice({ problem }: { readonly problem: Problem }) {
  const { session } = usePage()
  return (
    <div class="notice tone-warn" role="alert" data-testid="error">
      <WarningIcon />
      <p>
        <strong>{problem.title}.</strong> {problem.detail !== null && sentence(problem.detail)}
        {problem.parameter === 'hosts' && (
          <>
            {' '}
            This page follows some hosts live when they are named in its address: <code>/?host=a&amp;host=b</code>.
          </>
        )}
      </p>
      <button class="icon-button" type="button" aria-label="Dismiss" onClick={() => session.dismiss(problem)}>
        <CloseIcon />
      </button>
    </div>
  )
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
