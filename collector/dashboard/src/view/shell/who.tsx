// Who one is here, and the way out; or that nobody has to say who they are.
import { localTime } from '../../model/instant'
import { usePage } from '../context'

export function Who() {
  const { access } = usePage()
  const state = access.state.value
  if (state === null || access.isDenied) return null
  if (state.isOpen) {
    const where = state.isInsecure ? 'Whoever reaches this collector' : 'Whoever is on this machine'
    return <span data-testid="who">Open: {where.toLowerCase()} may read and write. There are no tokens.</span>
  }
  const name = state.name === null || state.name === '' ? '' : ` “${state.name}”`
  const until = state.expiresAt === null ? '' : `, until ${localTime(state.expiresAt)}`
  return (
    <span data-testid="who">
      Logged in as {state.role}
      {name}
      {until}. <button class="link-button" type="button" onClick={() => void access.logOut()}>Log out</button>
    </span>
  )
}
