// One host: how it is and why, its agent, its GPUs, who holds them, and what happened.
import { hostAddress } from '../../address/host'
import { spanOf } from '../../address/range'
import { pathOf } from '../../address/routes'
import { useAddress, usePage } from '../../view/context'
import { ColumnHeader } from '../../view/gputable/columnheader'
import { GpuTable } from '../../view/gputable/gputable'
import { Happenings } from '../../view/parts/happenings'
import { PageHead } from '../../view/parts/pagehead'
import { Panel } from '../../view/parts/panel'
import { Processes } from '../../view/parts/processes'
import { RangePicker } from '../../view/parts/rangepicker'
import { Empty, Failed, Loading, Nothing } from '../../view/parts/states'
import { useHappenings } from '../../view/parts/usehappenings'
import { HOST_WORDS } from '../../view/parts/words'
import type { PageProps } from '../registry'
import { AgentPanel } from './agent'
import { HostHead } from './head'
import { useHostHistory } from './usehosthistory'
import './host.css'

export default function HostPage({ subject: name }: PageProps) {
  const { session } = usePage()
  const host = session.state.host(name).value
  if (host === undefined) return <Unknown name={name} />
  return (
    <>
      <HostHead host={host} />
      <Gpus name={name} />
      <div class="columns-2">
        <Processes filter={{ host: name }} unknown={host.state === 'up' ? null : HOST_WORDS[host.state].tip} hasGpus />
        <AgentPanel host={host} />
      </div>
      <Past name={name} />
    </>
  )
}

function Unknown({ name }: { readonly name: string }) {
  const { session } = usePage()
  const failure = session.failure.value
  return (
    <>
      <PageHead title={name} crumbs={[{ title: 'Fleet', href: pathOf('fleet') }]} />
      {failure !== null && <Failed what="The host" failure={failure} again={() => session.retryNow()} />}
      {failure === null && !session.isLoaded.value && <Loading what="host" />}
      {failure === null && session.isLoaded.value && (
        <Empty title="No host of this name has connected" testid="unknown-host">
          <p>A host appears as soon as its agent connects, under the name in <code>GPUFLEET_HOST_NAME</code>.</p>
          <a class="button" href={pathOf('fleet')}>Show the fleet</a>
        </Empty>
      )}
    </>
  )
}

function Gpus({ name }: { readonly name: string }) {
  const { session } = usePage()
  useHostHistory(name)
  const uuids = session.state.groups.value.find(({ host }) => host === name)?.gpus ?? []
  const whole = uuids.filter((uuid) => session.state.fleet.gpu(uuid)?.gpu.parentUuid === null).length
  const instances = uuids.length - whole
  const aside = `${whole} ${whole === 1 ? 'GPU' : 'GPUs'}${instances === 0 ? '' : `, ${instances} MIG`}`
  return (
    <Panel title="GPUs" aside={aside} testid="host-gpus">
      {uuids.length === 0 ? (
        <Nothing>This host reports no GPU.</Nothing>
      ) : (
        <>
          <ColumnHeader />
          <GpuTable host={name} uuids={uuids} />
        </>
      )}
    </Panel>
  )
}

function Past({ name }: { readonly name: string }) {
  const { session } = usePage()
  const [{ range }, change] = useAddress(hostAddress)
  // Reading the signal makes "the last so long" move on.
  const span = spanOf(range, session.now.value && session.collectorNow())
  const loaded = useHappenings({ host: name }, span, ({ host }) => host === name)
  return (
    <>
      <div class="host-range">
        <RangePicker range={range} onChange={(next) => change({ range: next })} />
      </div>
      <Happenings loaded={loaded} span={span} hasGpus />
    </>
  )
}
