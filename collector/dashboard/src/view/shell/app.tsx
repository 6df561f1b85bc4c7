// What stands around every page: the way past it, the bar, what has to be said above everything, and the help.
import { pathOf } from '../../address/routes'
import { PageContext, usePage, type Page } from '../context'
import { HelpDialog } from './help'
import { Login } from './login'
import { Notices } from './notices'
import { Stage } from './stage'
import { TopBar } from './topbar'
import { Who } from './who'

function Content() {
  const { access } = usePage()
  if (access.isDenied) return <Login />
  return (
    <>
      <Notices />
      <Stage />
    </>
  )
}

export function App(page: Page) {
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#content">Skip to the content</a>
      <TopBar />
      <main id="content" tabIndex={-1}>
        <Content />
      </main>
      <footer class="footer">
        <span>
          {!page.access.isDenied && <><a href={pathOf('add')}>Add a host</a> · </>}The same as JSON, CSV and Parquet: <a href="/api/docs">API</a>
        </span>
        <Who />
      </footer>
      <HelpDialog />
    </PageContext.Provider>
  )
}
