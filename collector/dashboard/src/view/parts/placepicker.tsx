// Which hosts and GPUs a page is about: typed with suggestions, and each chosen one can be taken away again.
import { useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { shortUuid } from '../../model/format'
import { gpuTitle, suggestPlaces, type Place } from '../../model/place'
import { usePage } from '../context'
import { CloseIcon } from './icons'

interface PlacePickerProps {
  readonly hosts: readonly string[]
  readonly gpus: readonly string[]
  readonly onChange: (hosts: readonly string[], gpus: readonly string[]) => void
}

export function PlacePicker({ hosts, gpus, onChange }: PlacePickerProps) {
  const { view } = usePage()
  void view.version.value
  const without = (list: readonly string[], name: string) => list.filter((known) => known !== name)
  return (
    <div class="places">
      <PlaceBox
        onChoose={(place) =>
          place.kind === 'host' ? onChange([...without(hosts, place.name), place.name], gpus) : onChange(hosts, [...without(gpus, place.name), place.name])
        }
      />
      {hosts.map((name) => <Chip key={name} title={name} onRemove={() => onChange(without(hosts, name), gpus)} />)}
      {gpus.map((uuid) => <Chip key={uuid} title={titleOf(uuid)} onRemove={() => onChange(hosts, without(gpus, uuid))} />)}
    </div>
  )

  function titleOf(uuid: string): string {
    const row = view.columns.rowOf(uuid)
    const gpu = row === null ? null : view.columns.gpu(row)
    return gpu === null ? shortUuid(uuid) : gpuTitle(gpu.host, gpu.index)
  }
}

function Chip({ title, onRemove }: { readonly title: string; readonly onRemove: () => void }) {
  return (
    <span class="chip" data-testid="place">
      <span class="chip-text">{title}</span>
      <button class="chip-remove" type="button" aria-label={`Not only ${title}`} onClick={onRemove}>
        <CloseIcon />
      </button>
    </span>
  )
}

/** A field whose suggestions are walked with the arrows and taken with Enter. */
function PlaceBox({ onChoose }: { readonly onChoose: (place: Place) => void }) {
  const { session, view } = usePage()
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const typed = useSignal('')
  const at = useSignal(0)
  const found = suggestPlaces(typed.value, session.state.groups.value.map(({ host }) => host), view.columns.layout?.gpus ?? [])
  const marked = Math.min(at.value, found.length - 1)
  const choose = (place: Place | undefined) => {
    if (place === undefined) return
    onChoose(place)
    clear()
    input.current?.focus()
  }
  const clear = () => {
    typed.value = ''
    at.value = 0
  }
  const press = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0 && found.length > 0) at.value = (Math.max(0, marked) + step + found.length) % found.length
    else if (event.key === 'Enter') choose(found[marked])
    else if (event.key === 'Escape' && typed.value !== '') clear()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div class="placebox">
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Only of a host or GPU"
        aria-expanded={found.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `${id}-${marked}` : undefined}
        placeholder="Any host or GPU"
        autocomplete="off"
        spellcheck={false}
        data-testid="places"
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value
          at.value = 0
        }}
        onKeyDown={press}
        onBlur={clear}
      />
      <ul class="placebox-list" id={id} role="listbox" aria-label="Hosts and GPUs" hidden={found.length === 0}>
        {found.map((place, position) => (
          <li
            key={`${place.kind} ${place.name}`}
            id={`${id}-${position}`}
            role="option"
            aria-selected={position === marked}
            // Before the field loses the focus, which would take the list away.
            onMouseDown={(event) => {
              event.preventDefault()
              choose(place)
            }}
          >
            {place.title}
          </li>
        ))}
      </ul>
    </div>
  )
}
