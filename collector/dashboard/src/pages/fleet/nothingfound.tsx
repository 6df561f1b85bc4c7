// A search that leaves nothing of the fleet: what was looked for, and the way back.
import { fleetAddress } from '../../address/fleet'
import { pathOf } from '../../address/routes'
import { usePage } from '../../view/context'

export function NothingFound() {
  const { list, router } = usePage()
  const clear = () => router.replace(pathOf('fleet') + fleetAddress.format({ ...list.address.peek(), q: '' }))
  return (
    <div class="empty" data-testid="nothing-found">
      <h2>Nothing matches “{list.address.value.q}”</h2>
      <p>The filter looks at host names, labels and states, at the names, UUIDs and states of GPUs, and, as in util&lt;5, at their values.</p>
      <button class="button" type="button" onClick={clear}>Clear the filter</button>
    </div>
  )
}
