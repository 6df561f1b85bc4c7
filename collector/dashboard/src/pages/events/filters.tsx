// By what the list is confined: severity, kind, hosts and GPUs. None chosen is all.
import type { EventsAddress } from '../../address/events'
import { KINDS, kindText, SEVERITIES, type Happening, type Kind, type Severity } from '../../model/happening'
import { Menu } from '../../view/parts/menu'
import { PlacePicker } from '../../view/parts/placepicker'
import { SEVERITY_WORDS } from '../../view/parts/severities'

interface FiltersProps {
  readonly choice: EventsAddress
  readonly happenings: readonly Happening[]
  /** Whether all of the time are known, so that they can be counted. */
  readonly isWhole: boolean
  readonly onChange: (part: Partial<EventsAddress>) => void
}

export function Filters({ choice, happenings, isWhole, onChange }: FiltersProps) {
  return (
    <div class="filters">
      <PlacePicker hosts={choice.host} gpus={choice.gpu} onChange={(host, gpu) => onChange({ host, gpu })} />
      <div class="toggles" role="group" aria-label="Severity">
        {SEVERITIES.map((severity) => (
          <SeverityToggle
            key={severity}
            severity={severity}
            isOn={choice.severity.includes(severity)}
            count={isWhole && isCounted(choice, severity) ? happenings.filter((happening) => happening.severity === severity).length : null}
            onToggle={() => onChange({ severity: toggled(choice.severity, severity) })}
          />
        ))}
      </div>
      <Menu label={kindLabel(choice.kind)} name="Kind" testid="kind">
        {KINDS.map((kind) => (
          <label class="menu-check" key={kind}>
            <input type="checkbox" checked={choice.kind.includes(kind)} onChange={() => onChange({ kind: toggled(choice.kind, kind) })} />
            {kindName(kind)}
          </label>
        ))}
        {choice.kind.length > 0 && (
          <button class="link-button" type="button" onClick={() => onChange({ kind: [] })}>All kinds</button>
        )}
      </Menu>
    </div>
  )
}

/** Those that the list leaves out cannot be counted. */
function isCounted({ severity: chosen }: EventsAddress, severity: Severity): boolean {
  return chosen.length === 0 || chosen.includes(severity)
}

function toggled<T>(list: readonly T[], value: T): readonly T[] {
  return list.includes(value) ? list.filter((known) => known !== value) : [...list, value]
}

function kindName(kind: Kind): string {
  return kind === 'unspecified' ? 'Other' : kindText({ kind, code: null })
}

function kindLabel(kinds: readonly Kind[]): string {
  const [only] = kinds
  return only === undefined ? 'All kinds' : kinds.length === 1 ? kindName(only) : `${kinds.length} kinds`
}

interface SeverityToggleProps {
  readonly severity: Severity
  readonly isOn: boolean
  readonly count: number | null
  readonly onToggle: () => void
}

function SeverityToggle({ severity, isOn, count, onToggle }: SeverityToggleProps) {
  const { icon: Shape, word, tone } = SEVERITY_WORDS[severity]
  return (
    <button class="toggle" type="button" aria-pressed={isOn} data-testid={`severity-${severity}`} onClick={onToggle}>
      <span class={`tone-${tone}`}>
        <Shape />
      </span>
      {word}
      <span class="toggle-count">{count ?? ''}</span>
    </button>
  )
}
