// How bad an event was, as a word and a shape: never by its colour alone.
import type { Severity } from '../../model/happening'
import { LostIcon, UpIcon, WarningIcon } from './icons'

export const SEVERITY_WORDS = {
  critical: { icon: LostIcon, word: 'Critical', tone: 'bad' },
  warning: { icon: WarningIcon, word: 'Warning', tone: 'warn' },
  info: { icon: UpIcon, word: 'Info', tone: 'quiet' },
} as const satisfies Record<Severity, unknown>

export function SeverityMark({ severity }: { readonly severity: Severity }) {
  const { icon: Shape, word, tone } = SEVERITY_WORDS[severity]
  return (
    <span class={`badge tone-${tone}`} data-tip={word}>
      <Shape />
      <span class="hidden">{word}: </span>
    </span>
  )
}
