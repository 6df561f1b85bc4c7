// A GPU of which nothing is known: not yet, or not at all.
import { pathOf } from '../../address/routes'
import { usePage } from '../../view/context'
import { PageHead } from '../../view/parts/pagehead'
import { Empty, Failed, Loading } from '../../view/parts/states'

const CRUMBS = [{ title: 'Fleet', href: pathOf('fleet') }]

export function WaitingForGpu({ uuid }: { readonly uuid: string }) {
  const { session } = usePage()
  const failure = session.failure.value
  return (
    <>
      <PageHead title={uuid} crumbs={CRUMBS} />
      {failure === null ? <Loading what="GPU" /> : <Failed what="The GPU" failure={failure} again={() => session.retryNow()} />}
    </>
  )
}

interface UnknownGpuProps {
  readonly uuid: string
  readonly hasPast: boolean
}

export function UnknownGpu({ uuid, hasPast }: UnknownGpuProps) {
  return (
    <>
      <PageHead title={uuid} crumbs={CRUMBS} />
      {hasPast ? (
        <p class="notice tone-warn" data-testid="gone">No host declares this GPU now. What it did is below.</p>
      ) : (
        <Empty title="No host declares this GPU" testid="unknown-gpu">
          <p>It was never seen by this collector, or has been taken out, and there is nothing of it in the time chosen.</p>
          <a class="button" href={pathOf('fleet')}>Show the fleet</a>
        </Empty>
      )}
    </>
  )
}
