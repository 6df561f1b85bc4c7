// States as word and shape.
import type { JSX } from 'preact'
import type { GpuState } from '../../model/gpu'
import type { HostState } from '../../model/host'
import { DownIcon, HungIcon, LateIcon, LeftIcon, LostIcon, PausedIcon, UnknownIcon, UpIcon, WarningIcon } from './icons'

type Tone = 'good' | 'warn' | 'bad' | 'quiet'

export interface Wording {
  readonly word: string
  readonly tone: Tone
  readonly tip: string
  readonly icon: (props: { readonly class?: string }) => JSX.Element
}

export const HOST_WORDS: Readonly<Record<HostState, Wording>> = {
  up: { word: 'Up', tone: 'good', tip: 'The agent is connected and sends readings.', icon: UpIcon },
  late: { word: 'Late', tone: 'warn', tip: 'The agent has missed its time to report.', icon: LateIcon },
  down: { word: 'Down', tone: 'bad', tip: 'Nothing has been heard from the agent.', icon: DownIcon },
  left: { word: 'Left', tone: 'quiet', tip: 'The agent was stopped in good order.', icon: LeftIcon },
  unknown: { word: 'Unknown', tone: 'quiet', tip: 'The collector has not heard from it since it started.', icon: UnknownIcon },
}

/** Null where nothing needs to be said. */
export const GPU_WORDS: Readonly<Record<GpuState, Wording | null>> = {
  ok: null,
  lost: { word: 'Lost', tone: 'bad', tip: 'The GPU has fallen off the bus.', icon: LostIcon },
  hung: { word: 'Hung', tone: 'bad', tip: 'A driver call on this GPU does not return.', icon: HungIcon },
  driver_mismatch: { word: 'Driver mismatch', tone: 'warn', tip: 'Driver and library differ: a driver upgrade is under way.', icon: WarningIcon },
  suspended: { word: 'Suspended', tone: 'quiet', tip: 'The GPU sleeps and is not woken to be read.', icon: PausedIcon },
  unknown: { word: 'Unknown', tone: 'quiet', tip: 'The agent has not said how the GPU is.', icon: UnknownIcon },
}

/** What was last known of a host, for as long as the page hears nothing newer. */
export function asKnownBefore(wording: Wording): Wording {
  return { ...wording, word: `Was ${wording.word.toLowerCase()}`, tone: 'quiet', tip: 'As last heard by this page.' }
}

export function Badge({ wording, testid }: { readonly wording: Wording; readonly testid?: string }) {
  const { icon: Shape, word, tone, tip } = wording
  return (
    <span class={`badge tone-${tone}`} data-tip={tip} {...(testid ? { 'data-testid': testid } : {})}>
      <Shape />
      {word}
    </span>
  )
}
