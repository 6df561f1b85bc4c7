// What stands around every page: the way past it, the bar, what has to be said above everything, and the help.
import { PageContext, type Page } from '../context'
import { HelpDialog } from './help'
import { Notices } from './notices'
import { Stage } from './stage'
import { TopBar } from './topbar'

export function App(page: Page) {
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#content">Skip to the content</a>
      <TopBar />
      <main id="content" tabIndex={-1}>
        <Notices />
        <Stage />
      </main>
      <footer class="footer">
        The same as JSON, CSV and Parquet: <a href="/api/docs">API</a>
      </footer>
      <HelpDialog />
    </PageContext.Provider>
  )
}
