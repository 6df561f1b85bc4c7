// The search: on the page of the fleet it filters while one types; elsewhere Enter goes there.
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { fleetAddress } from '../../address/fleet'
import { pathOf } from '../../address/routes'
import { usePage } from '../context'
import { SearchIcon } from '../parts/icons'

export function SearchBox() {
  const { router, list } = usePage()
  const input = useRef<HTMLInputElement>(null)
  const typed = useSignal('')
  const isFleet = router.route.value.page === 'fleet'
  const shown = list.address.value
  const query = isFleet ? shown.q : typed.value
  const type = (q: string) => {
    if (isFleet) router.replace(pathOf('fleet') + fleetAddress.format({ ...shown, q }))
    else typed.value = q
  }
  const submit = (event: Event) => {
    event.preventDefault()
    if (isFleet || typed.value.trim() === '') return
    router.go(pathOf('fleet') + fleetAddress.format({ ...fleetAddress.usual, q: typed.value.trim() }))
    typed.value = ''
  }
  const leaveOnEscape = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    type('')
    input.current?.blur()
  }
  return (
    <form class="search" role="search" onSubmit={submit}>
      <SearchIcon class="search-icon" />
      <label class="hidden" for="search">Search by host, GPU name, UUID, label or state</label>
      <input
        ref={input}
        id="search"
        type="search"
        placeholder="Search hosts and GPUs"
        data-search
        data-testid="filter"
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={leaveOnEscape}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  )
}
