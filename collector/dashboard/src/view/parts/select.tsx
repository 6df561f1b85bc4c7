// One choice of many, as the browser's own list; with groups where there are very many.

export interface Option {
  readonly value: string
  readonly title: string
}

interface SelectProps {
  /** Before the list; where it is empty, `name` says it to screen readers. */
  readonly label: string
  readonly name?: string
  readonly testid: string
  readonly value: string
  readonly onChoose: (value: string) => void
  readonly children: readonly Option[] | readonly (readonly [group: string, options: readonly Option[]])[]
}

export function Select({ label, name, testid, value, onChoose, children }: SelectProps) {
  return (
    <label class="select">
      {label !== '' && <span class="select-label">{label}</span>}
      <select data-testid={testid} value={value} {...(name === undefined ? {} : { 'aria-label': name })} onChange={(event) => onChoose(event.currentTarget.value)}>
        {children.map((child) =>
          'value' in child ? (
            <Entry key={child.value} option={child} />
          ) : (
            <optgroup key={child[0]} label={child[0]}>
              {child[1].map((option) => <Entry key={option.value} option={option} />)}
            </optgroup>
          ),
        )}
      </select>
    </label>
  )
}

function Entry({ option: { value, title } }: { readonly option: Option }) {
  return <option value={value}>{title}</option>
}
