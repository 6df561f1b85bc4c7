// The filter: `/` goes to it from anywhere, Escape empties and leaves it.
import { useEffect, useRef } from 'preact/hooks'
import { countGpus } from '../state/pagestate'
import { usePage } from './context'
import { SearchIcon } from './icons'

export function FilterBox() {
  const { page } = usePage()
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const focus = (event: KeyboardEvent) => focusOnSlash(event, input.current)
    document.addEventListener('keydown', focus)
    return () => document.removeEventListener('keydown', focus)
  }, [])
  const leaveOnEscape = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return
    page.query.value = ''
    input.current?.blur()
  }
  return (
    <label class="filter">
      <SearchIcon class="filter-icon" />
      <span class="hidden">Filter by host, GPU name, UUID, label or state</span>
      <input
        ref={input}
        type="search"
        placeholder="Filter hosts and GPUs"
        data-testid="filter"
        autocomplete="off"
        spellcheck={false}
        value={page.query.value}
        onInput={(event) => (page.query.value = event.currentTarget.value)}
        onKeyDown={leaveOnEscape}
      />
      <kbd aria-hidden="true">/</kbd>
      <span class="hidden" role="status">
        {page.query.value === '' ? '' : `${countGpus(page.shown.value)} GPUs match`}
      </span>
    </label>
  )
}

function focusOnSlash(event: KeyboardEvent, input: HTMLInputElement | null): void {
  const target = event.target
  const isTyping = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  input?.focus()
  input?.select()
}
