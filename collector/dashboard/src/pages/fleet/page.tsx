// The fleet: what it amounts to, and every host with its GPUs.
import { fleetAddress } from '../../address/fleet'
import { useAddress, usePage } from '../../view/context'
import { PageHead } from '../../view/parts/pagehead'
import { HostList } from './hostlist'
import { NoAnswer, NoHosts, StillLoading } from './placeholders'
import { SimulatedBanner } from './simulated'
import { Totals } from './totals'

export default function FleetPage() {
  useAddress(fleetAddress)
  return (
    <>
      <PageHead title="Fleet" isQuiet />
      <Content />
    </>
  )
}

function Content() {
  const { session } = usePage()
  if (session.state.groups.value.length > 0) {
    return (
      <>
        <SimulatedBanner />
        <Totals />
        <HostList />
      </>
    )
  }
  const failure = session.failure.value
  if (failure !== null) return <NoAnswer failure={failure} />
  return session.isLoaded.value ? <NoHosts /> : <StillLoading />
}
