// A few choices of which one holds, side by side. Arrows move between them.
import { useRef } from 'preact/hooks'

interface Choice<T extends string> {
  readonly value: T
  readonly title: string
  readonly tip?: string
}

interface SegmentedProps<T extends string> {
  readonly label: string
  readonly choices: readonly Choice<T>[]
  /** Null where none of them holds. */
  readonly value: T | null
  readonly onChoose: (value: T) => void
}

export function Segmented<T extends string>({ label, choices, value, onChoose }: SegmentedProps<T>) {
  const group = useRef<HTMLDivElement>(null)
  const chosen = choices.findIndex((choice) => choice.value === value)
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const next = (Math.max(0, chosen) + step + choices.length) % choices.length
    group.current?.querySelectorAll('button')[next]?.focus()
    const choice = choices[next]
    if (choice) onChoose(choice.value)
  }
  return (
    <div class="segmented" role="radiogroup" aria-label={label} ref={group} onKeyDown={move}>
      {choices.map(({ value: own, title, tip }, position) => (
        <button
          key={own}
          type="button"
          role="radio"
          aria-checked={own === value}
          tabIndex={position === Math.max(0, chosen) ? 0 : -1}
          data-tip={tip}
          onClick={() => onChoose(own)}
        >
          {title}
        </button>
      ))}
    </div>
  )
}
