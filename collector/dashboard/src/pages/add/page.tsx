// The way from a machine with GPUs to one on this page: a token for it, what to type there, and the host as it appears.
import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { pathOf } from '../../address/routes'
import { mayAdminister, type AccessState } from '../../model/access'
import { collectorOf, waysOf, type Target } from '../../model/enrolment'
import { usePage } from '../../view/context'
import { Command } from '../../view/parts/command'
import { UpIcon } from '../../view/parts/icons'
import { PageHead } from '../../view/parts/pagehead'
import { Panel } from '../../view/parts/panel'
import { Segmented } from '../../view/parts/segmented'
import { Loading, Nothing } from '../../view/parts/states'
import { useFleetNames } from '../../view/parts/usefleetnames'
import './add.css'
import { TokenForm } from './tokenform'

const LOCAL = new Set(['localhost', '127.0.0.1', '[::1]'])

export default function AddPage() {
  const { access } = usePage()
  useFleetNames()
  const state = access.state.value
  return (
    <>
      <PageHead title="Add a host" crumbs={[{ title: 'Fleet', href: pathOf('fleet') }]} />
      {state === null ? <Loading what="page" /> : <Steps state={state} />}
    </>
  )
}

function Steps({ state }: { readonly state: AccessState }) {
  const token = useSignal<string | null>(null)
  const isNeeded = !state.isOpen && token.value === null
  const host = window.location.hostname.replace(/^\[|\]$/g, '')
  const target: Target = { ...state.agents, host, token: token.value }
  return (
    <div class="add">
      {!state.isOpen && <TokenStep state={state} token={token.value} onToken={(made) => (token.value = made)} />}
      {!isNeeded && <InstallStep target={target} />}
      <Arrivals />
    </div>
  )
}

interface TokenStepProps {
  readonly state: AccessState
  readonly token: string | null
  readonly onToken: (token: string) => void
}

function TokenStep({ state, token, onToken }: TokenStepProps) {
  return (
    <Panel title="A token for it" testid="add-token">
      <div class="add-body">
        {!mayAdminister(state) ? (
          <>
            <p>A token for agents is made by an admin: log in with an admin's token, or on the collector's machine:</p>
            <Command text="gpufleet-collector token create --role agent --hosts 'gpu-*'" />
          </>
        ) : token === null ? (
          <TokenForm onToken={onToken} />
        ) : (
          <p data-testid="token-made">It is in the commands below, and shown this once: leave the page and it is gone.</p>
        )}
      </div>
    </Panel>
  )
}

function InstallStep({ target }: { readonly target: Target }) {
  const ways = useMemo(() => waysOf(target), [target.token])
  const chosen = useSignal('systemd')
  const way = ways.find(({ key }) => key === chosen.value) ?? ways[0]
  return (
    <Panel
      title="On the host"
      aside={<Segmented label="How" choices={ways.map(({ key, title }) => ({ value: key, title }))} value={chosen.value} onChoose={(key) => (chosen.value = key)} />}
      testid="add-install"
    >
      <div class="add-body">
        {LOCAL.has(window.location.hostname) && (
          <p class="add-note">
            This page was opened as {window.location.hostname}: from other machines the collector has another name than{' '}
            <code>{collectorOf(target)}</code>, and listens only where <code>GPUFLEET_GRPC_LISTEN</code> says so.
          </p>
        )}
        {target.scheme === 'grpcs' && (
          <p class="add-note">
            <code>ca.crt</code> is the authority that issued the collector's certificate: put it into the folder in which you type
            this. <code>make kubernetes-secrets</code> writes one to <code>build/kubernetes-secrets</code>; else whoever made the
            certificate has it. Where that is a public authority, leave out <code>GPUFLEET_TLS_CA_FILE</code> and what names{' '}
            <code>ca.crt</code>; on Kubernetes with <code>../../components/without-ca</code>.
          </p>
        )}
        {way?.steps.map(({ words, command }) => (
          <div key={words}>
            <p>{words}</p>
            <Command text={command} testid="add-command" />
          </div>
        ))}
      </div>
    </Panel>
  )
}

/** Hosts that were not there when the page was opened. */
function Arrivals() {
  const { session } = usePage()
  const known = useSignal<ReadonlySet<string> | null>(null)
  const names = session.state.groups.value.map(({ host }) => host)
  if (known.value === null && session.isLoaded.value) known.value = new Set(names)
  const arrived = known.value === null ? [] : names.filter((name) => !known.value?.has(name))
  return (
    <Panel title="Hosts that have appeared" testid="arrivals">
      {arrived.length === 0 ? (
        <Nothing>
          <span class="add-waiting" aria-hidden="true" /> Waiting. A host appears here as soon as its agent connects.
        </Nothing>
      ) : (
        <ul class="add-arrived" aria-live="polite">
          {arrived.map((name) => (
            <li key={name}>
              <span class="badge tone-good">
                <UpIcon />
              </span>
              <a href={pathOf('host', name)}>{name}</a>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
