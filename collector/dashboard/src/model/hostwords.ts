// How a host is, and why, as somebody would tell it who was woken up by it.
import { duration, secondsText } from './format'
import type { Host } from './host'

export interface Account {
  /** What is known. */
  readonly facts: string
  /** What to look at first; empty where there is nothing to do. */
  readonly advice: string
}

/** `now` is the collector's clock, in milliseconds. */
export function accountOf({ state, since, lastSeen, interval, backend, cost }: Host, now: number): Account {
  const ago = (at: number | null) => (at === null ? null : duration(now - at))
  const heard = ago(lastSeen) === null ? 'It was never heard.' : `Last heard ${ago(lastSeen)} ago.`
  const inState = ago(since) === null ? '' : ` for ${ago(since)}`
  const pace = interval === null ? '' : ` It reads every ${duration(interval)}.`
  switch (state) {
    case 'up':
      return { facts: `The agent has been connected${inState}.${pace} ${heard}`, advice: adviceWhileUp(backend, cost) }
    case 'late':
      return {
        facts: `The agent has missed its time to report${inState}. ${heard}${pace}`,
        advice: 'The network may be slow, or the host so busy that the agent does not get its turn. After a while without a word it counts as down.',
      }
    case 'down':
      return {
        facts: `Nothing has been heard from the agent${inState}. ${heard}`,
        advice: 'The host or its network may be down, or the agent was killed. On the host `gpufleet-agent doctor` says what works.',
      }
    case 'left':
      return { facts: `The agent was stopped in good order${inState.replace(' for', '')}${inState === '' ? '' : ' ago'}. ${heard}`, advice: 'It comes back when the agent is started again.' }
    case 'unknown':
      return { facts: `The collector has not heard from it since the collector itself started${inState.replace(' for', '')}${inState === '' ? '' : ' ago'}.`, advice: '' }
  }
}

function adviceWhileUp(backend: string | null, cost: Host['cost']): string {
  if (cost?.hungCall) return `A call of the driver does not return: ${cost.hungCall}${cost.hungSeconds === null ? '' : `, for ${duration(cost.hungSeconds * 1000)}`}.`
  return backend === null ? 'No way to read GPUs works there: `gpufleet-agent doctor` on the host says why.' : ''
}

/** Clocks further apart than this are worth a word: instants of different hosts cannot be compared then. */
const WORTH_A_WORD_SECONDS = 2

export function skewText(seconds: number): { readonly text: string; readonly isWarning: boolean } {
  const size = Math.abs(seconds)
  const isWarning = size >= WORTH_A_WORD_SECONDS
  if (size < 0.05) return { text: 'in step', isWarning }
  return { text: `${secondsText(size)} ${seconds > 0 ? 'ahead' : 'behind'}`, isWarning }
}
