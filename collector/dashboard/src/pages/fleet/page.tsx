// The fleet: what it amounts to, and every host with its GPUs.
import { useEffect } from 'preact/hooks'
import { fleetAddress } from '../../address/fleet'
import { viewOf, type ViewName } from '../../model/choice'
import { countGpus } from '../../state/fleetlist'
import type { FleetTotals } from '../../state/fleetstate'
import type { FleetView } from '../../state/fleetview'
import { useAddress, usePage } from '../../view/context'
import { PageHead } from '../../view/parts/pagehead'
import { FleetBar } from './fleetbar'
import { FleetMap } from './fleetmap'
import { FleetTable } from './fleettable'
import { HostList } from './hostlist'
import { NothingFound } from './nothingfound'
import { GhostTotals, NoAnswer, NoHosts, StillLoading } from './placeholders'
import { Totals } from './totals'

/** Of so many GPUs the hosts are listed in a blink: the page waits for them, so that nothing of it moves later. */
const SMALL = 1_000

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
  const { session, view, list } = usePage()
  const { state } = session
  const isConfined = view.choice.value.host.length > 0
  const size = Math.max(view.size.value, isConfined ? 0 : countGpus(state.groups.value))
  const shown = isConfined ? 'cards' : viewOf(view.choice.value, size)
  const isFramed = !isConfined && (shown !== 'cards' || size === 0)
  const wanted = view.wanted.value
  useEffect(() => session.wantFrames(isFramed ? wanted : null), [isFramed, wanted.join()])
  const failure = session.failure.value
  const totals = state.totals.value
  const isCounted = totals !== null && totals.hostCount > 0
  if ((size > 0 || state.groups.value.length > 0) && (isCounted || failure !== null || session.isLoaded.value || size > SMALL)) {
    return (
      <>
        {isCounted ? <Totals totals={shown === 'cards' ? (list.totals.value ?? totals) : framedTotals(totals, view)} /> : failure === null && <GhostTotals />}
        {!isConfined && <FleetBar shown={shown} />}
        <Shown as={shown} />
      </>
    )
  }
  if (failure !== null) return <NoAnswer failure={failure} />
  return session.isLoaded.value ? <NoHosts /> : <StillLoading />
}

/** How all hosts are is heard at once; by column comes what they read. */
function framedTotals(totals: FleetTotals, view: FleetView): FleetTotals {
  const found = view.totals.value
  return view.query.value.terms.length === 0 ? { ...totals, sums: found.sums } : found
}

function Shown({ as }: { readonly as: ViewName }) {
  const { view, list } = usePage()
  if (as === 'cards') return list.shown.value.length === 0 ? <NothingFound /> : <HostList />
  if (view.isNothingFound.value) return <NothingFound />
  return as === 'map' ? <FleetMap /> : <FleetTable />
}
