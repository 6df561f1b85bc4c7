// The page that the address names, as soon as its code is there.
import type { FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { PageName } from '../../address/routes'
import { PAGES, type PageProps } from '../../pages/registry'
import { usePage } from '../context'
import { PageHead } from '../parts/pagehead'
import { Empty, Loading } from '../parts/states'

/** By page, once loaded, so that going back is drawn at once. */
type Code = FunctionComponent<PageProps> | 'missing'

export function Stage() {
  const { router } = usePage()
  const { page, subject } = router.route.value
  if (page === 'nowhere') return <Nowhere />
  return <Loader key={page} page={page} subject={subject} />
}

const loaded = new Map<PageName, FunctionComponent<PageProps>>()

function Loader({ page, subject }: PageProps & { readonly page: PageName }) {
  const [code, setCode] = useState<Code | null>(() => loaded.get(page) ?? null)
  useEffect(() => {
    if (code !== null) return
    PAGES[page].load().then(
      ({ default: found }) => {
        loaded.set(page, found)
        setCode(() => found)
      },
      () => setCode('missing'),
    )
  }, [page])
  if (code === null) return <Loading what="page" />
  if (code === 'missing') return <Missing />
  const Content = code
  return <Content key={subject} subject={subject} />
}

/** The collector was upgraded while the page was open, or went away just now. */
function Missing() {
  return (
    <Empty title="This page could not be loaded" testid="missing" isAlert>
      <p>The collector may have been upgraded since this tab was opened, or does not answer.</p>
      <button class="button" type="button" onClick={() => window.location.reload()}>Load anew</button>
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
