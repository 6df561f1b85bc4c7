// The whole page.
import type { Session } from '../state/session'
import type { PageState } from '../state/pagestate'
import type { ThemeState } from '../state/theme'
import { PageContext, usePage } from './context'
import { HostList } from './hostlist'
import { Notices } from './notices'
import { Failed, Loading, NoHosts } from './placeholders'
import { TopBar } from './topbar'
import { Totals } from './totals'

interface AppProps {
  readonly session: Session
  readonly page: PageState
  readonly theme: ThemeState
}

export function App({ session, page, theme }: AppProps) {
  return (
    <PageContext.Provider value={{ session, page }}>
      <TopBar theme={theme} />
      <main>
        <Notices />
        <Content />
      </main>
      <footer class="footer">
        The same values as JSON: <a href="/api/system/gpu-stats">/api/system/gpu-stats</a>
      </footer>
    </PageContext.Provider>
  )
}

function Content() {
  const { session } = usePage()
  if (session.state.groups.value.length > 0) {
    return (
      <>
        <Totals />
        <HostList />
      </>
    )
  }
  const failure = session.failure.value
  if (failure !== null) return <Failed failure={failure} />
  return session.isLoaded.value ? <NoHosts /> : <Loading />
}
