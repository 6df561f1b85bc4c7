// What there is to say about a GPU beside its numbers: its state, its age when stale, and why its clocks are held back.
import { flagsOf, type Flag } from '../../model/flags'
import type { GpuView } from '../../model/fleet'
import { duration } from '../../model/format'
import type { Freshness, StaleCause } from '../../model/freshness'
import { metric } from '../../model/gpu'
import { usePage } from '../context'
import { ClockIcon, WarningIcon } from './icons'
import { Badge, GPU_WORDS } from './words'

const STALE_TIPS: Readonly<Record<StaleCause, string>> = {
  disconnected: 'The page is not connected to the collector.',
  host: 'The collector does not hear from this host as it should.',
  gpu: 'The GPU does not answer: these are its last readings.',
  old: 'Its readings have stopped coming.',
  never: 'No reading of this GPU has arrived.',
}

interface GpuStatusProps {
  readonly view: GpuView
  readonly freshness: Freshness
}

export function GpuStatus({ view, freshness }: GpuStatusProps) {
  const wording = GPU_WORDS[view.gpu.state]
  return (
    <span class="status">
      {wording && <Badge wording={wording} testid="gpu-state" />}
      {freshness.stale !== null && <Stale cause={freshness.stale} age={freshness.age} />}
      <Throttle view={view} />
    </span>
  )
}

function Stale({ cause, age }: { readonly cause: StaleCause; readonly age: number | null }) {
  return (
    <span class="badge tone-stale" data-testid="gpu-stale" data-tip={STALE_TIPS[cause]}>
      <ClockIcon />
      {age === null ? 'No reading yet' : `Last seen ${duration(age)} ago`}
    </span>
  )
}

function Throttle({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  const bits = metric(view.values, 'throttle_reasons')
  const declared = session.catalog.value.get('throttle_reasons')
  if (bits === null || !declared) return null
  const flags = flagsOf(bits, declared.names)
  return (
    <span class="flags" data-testid="gpu-throttle_reasons" data-value={bits}>
      {flags.map((flag) => <FlagChip key={flag.word} flag={flag} />)}
    </span>
  )
}

function FlagChip({ flag }: { readonly flag: Flag }) {
  return (
    <span class={`flag ${flag.isWarning ? 'is-warning' : ''}`} data-tip={`Clocks are held back by: ${flag.word}`}>
      {flag.isWarning && <WarningIcon />}
      {flag.word}
    </span>
  )
}
