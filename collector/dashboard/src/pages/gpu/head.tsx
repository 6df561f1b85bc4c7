// Who the GPU is, where it is, and what is wrong with it.
import { pathOf } from '../../address/routes'
import type { GpuView } from '../../model/fleet'
import { duration, shortName } from '../../model/format'
import type { GpuIdentity } from '../../model/gpu'
import type { Host } from '../../model/host'
import { usePage } from '../../view/context'
import { Copy } from '../../view/parts/copy'
import { Fact, Facts } from '../../view/parts/facts'
import { GpuStatus } from '../../view/parts/gpustatus'
import { FlaskIcon, LateIcon } from '../../view/parts/icons'
import { PageHead } from '../../view/parts/pagehead'
import { Time } from '../../view/parts/time'
import { useKeys } from '../../view/parts/usekeys'
import { HOST_WORDS } from '../../view/parts/words'
import { Trouble } from './trouble'

export function GpuHead({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  const { gpu } = view
  const freshness = session.state.freshnessOf(gpu.uuid).value
  const host = session.state.host(gpu.host).value
  const crumbs = [
    { title: 'Fleet', href: pathOf('fleet') },
    { title: gpu.host, href: pathOf('host', gpu.host) },
  ]
  return (
    <>
      <PageHead title={titleOf(gpu)} crumbs={crumbs}>
        <span class="pagehead-sub">{shortName(gpu.name ?? 'Unnamed GPU')}</span>
        {gpu.simulated && (
          <span class="badge tone-simulated" data-tip="No GPU is behind these readings">
            <FlaskIcon />
            Simulated
          </span>
        )}
        {freshness && <GpuStatus view={view} freshness={freshness} />}
        <Neighbours gpu={gpu} />
      </PageHead>
      <Trouble view={view} />
      {host && <HostTrouble host={host} />}
      <Identity view={view} />
    </>
  )
}

export function titleOf(gpu: GpuIdentity): string {
  const index = gpu.index ?? '–'
  if (gpu.parentUuid === null) return `GPU ${index} on ${gpu.host}`
  return `${gpu.migProfile ?? 'MIG instance'}${gpu.migInstance === null ? '' : ` · ${gpu.migInstance}`} of GPU ${index} on ${gpu.host}`
}

function Identity({ view: { gpu, board, arrival } }: { readonly view: GpuView }) {
  return (
    <Facts>
      <Fact title="UUID">
        <span class="uuid">{gpu.uuid}</span> <Copy text={gpu.uuid} what="UUID" />
      </Fact>
      {gpu.parentUuid !== null && (
        <Fact title="Part of">
          <a href={pathOf('gpu', gpu.parentUuid)} class="uuid">{gpu.parentUuid}</a>
        </Fact>
      )}
      {board.pciBusId !== null && <Fact title="PCI">{board.pciBusId}</Fact>}
      {board.serial !== null && <Fact title="Serial">{board.serial}</Fact>}
      {board.vbios !== null && <Fact title="VBIOS">{board.vbios}</Fact>}
      {arrival !== null && (
        <Fact title="Read">
          <Time at={arrival.recordedAt} />
        </Fact>
      )}
    </Facts>
  )
}

/** A host that is not heard: then nothing here is of now. */
function HostTrouble({ host }: { readonly host: Host }) {
  const { session } = usePage()
  if (host.state === 'up' || session.link.value.phase !== 'live') return null
  const { word, tip } = HOST_WORDS[host.state]
  const elapsed = host.lastSeen === null ? null : session.now.value && session.collectorNow() - host.lastSeen
  return (
    <div class={`notice tone-${host.state === 'down' ? 'bad' : 'warn'}`} data-testid="host-trouble">
      <LateIcon />
      <p>
        <strong>
          <a href={pathOf('host', host.name)}>{host.name}</a> is {word.toLowerCase()}.
        </strong>{' '}
        {tip} {elapsed !== null && `Last heard ${duration(elapsed)} ago.`}
      </p>
    </div>
  )
}

/** The GPUs before and after this one on its host; an instance's neighbours are its siblings and their GPU. */
function Neighbours({ gpu }: { readonly gpu: GpuIdentity }) {
  const { session, router } = usePage()
  const uuids = session.state.groups.value.find(({ host }) => host === gpu.host)?.gpus ?? []
  const position = uuids.indexOf(gpu.uuid)
  const { search } = router.address.value
  const hrefOf = (uuid: string | undefined) => (uuid === undefined ? null : pathOf('gpu', uuid) + search)
  const before = position > 0 ? hrefOf(uuids[position - 1]) : null
  const after = hrefOf(uuids[position + 1])
  useKeys('GPU', [
    { keys: 'k', help: 'GPU before on this host', run: () => before !== null && router.go(before) },
    { keys: 'j', help: 'Next GPU on this host', run: () => after !== null && router.go(after) },
    { keys: 'g h', help: 'Go to its host', run: () => router.go(pathOf('host', gpu.host)) },
  ])
  if (uuids.length < 2) return null
  return (
    <nav class="neighbours" aria-label="GPUs of this host">
      {before === null ? <span class="neighbour-none">‹ GPU before</span> : <a href={before}>‹ GPU before</a>}
      <span class="neighbour-count">{position + 1} of {uuids.length}</span>
      {after === null ? <span class="neighbour-none">Next GPU ›</span> : <a href={after}>Next GPU ›</a>}
    </nav>
  )
}
