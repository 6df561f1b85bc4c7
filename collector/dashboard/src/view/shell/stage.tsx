// The page that the address names, as soon as its code is there.
import { useEffect, useState } from 'preact/hooks'
import type { PageName } from '../../address/routes'
import type { PageProps } from '../../pages/registry'
import { usePage } from '../context'
import { PageHead } from '../parts/pagehead'
import { Empty, Loading } from '../parts/states'
import { codeOf, loadCode, loadOthersWhenIdle, type Code } from './pagecode'

export function Stage() {
  const { router } = usePage()
  const { page, subject } = router.route.value
  if (page === 'nowhere') return <Nowhere />
  return <Loader key={page} page={page} subject={subject} />
}

function Loader({ page, subject }: PageProps & { readonly page: PageName }) {
  const { session } = usePage()
  const isLive = session.link.value.phase === 'live'
  const [code, isMissing] = usePageCode(page, isLive)
  useEffect(() => (isLive && code !== null ? loadOthersWhenIdle() : undefined), [isLive, code])
  if (code !== null) {
    const Content = code
    return <Content key={subject} subject={subject} />
  }
  return isMissing ? <Missing isLive={isLive} /> : <Loading what="page" />
}

/** What did not come is asked for again as soon as the collector is there again. */
function usePageCode(page: PageName, isLive: boolean): [code: Code | null, isMissing: boolean] {
  const [code, setCode] = useState<Code | null>(() => codeOf(page) ?? null)
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    if (code !== null) return
    let isLeft = false
    setMissing(false)
    loadCode(page).then(
      (found) => !isLeft && setCode(() => found),
      () => !isLeft && setMissing(true),
    )
    return () => {
      isLeft = true
    }
  }, [page, isLive])
  return [code, isMissing]
}

/** Where the collector answers it was upgraded while the page was open; otherwise it went away just now. */
function Missing({ isLive }: { readonly isLive: boolean }) {
  return isLive ? (
    <Empty title="This page could not be loaded" testid="missing" isAlert>
      <p>The collector may have been upgraded since this tab was opened.</p>
      <button class="button" type="button" onClick={() => window.location.reload()}>Load anew</button>
    </Empty>
  ) : (
    <Empty title="This page is not loaded yet" testid="missing" isAlert>
      <p>The collector does not answer. The page appears as soon as it does.</p>
    </Empty>
  )
}

function Nowhere() {
  return (
    <>
      <PageHead title="No such page" isQuiet />
      <Empty title="There is no page at this address" testid="nowhere">
        <p>The address may have been cut short, or is of a newer gpufleet.</p>
        <a class="button" href="/">Show the fleet</a>
      </Empty>
    </>
  )
}
