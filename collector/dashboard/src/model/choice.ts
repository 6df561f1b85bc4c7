// How the fleet is looked at: what is looked for, and how it is grouped, coloured and sorted.

export const VIEWS = ['cards', 'map', 'table'] as const
export type ViewName = (typeof VIEWS)[number]

/** Colours that are no metric: shares of a limit, and the state. */
export const SHARES = {
  memory_share: ['memory_used_mb', 'memory_total_mb'],
  power_share: ['power_watts', 'power_limit_watts'],
} as const satisfies Readonly<Record<string, readonly [part: string, whole: string]>>
export type ShareName = keyof typeof SHARES
export const STATE_COLOUR = 'state'
export const LABEL_GROUP = 'label:'
export const NO_GROUP = 'none'

export interface Choice {
  /** What is looked for. */
  readonly q: string
  /** Null is left to the size of the fleet. */
  readonly view: ViewName | null
  /** `host`, `model`, `none`, or `label:NAME`. */
  readonly group: string
  /** A metric, a share, or the state. */
  readonly colour: string
  /** A column of the table, and whether it is sorted downwards. */
  readonly sort: string
  readonly down: boolean
}

/** The metrics that a colour is made of. */
export function metricsOfColour(colour: string): readonly string[] {
  if (colour === STATE_COLOUR) return []
  return isShare(colour) ? SHARES[colour] : [colour]
}

export function isShare(colour: string): colour is ShareName {
  return Object.hasOwn(SHARES, colour)
}

/** Up to so many GPUs the fleet shows as cards; more are a map at first. */
export const FEW_GPUS = 32
/** More GPUs than this are not shown as cards: each card holds everything there is to say. */
export const MOST_CARDS = 512

export function viewOf(choice: Choice, gpus: number): ViewName {
  const wanted = choice.view ?? (gpus <= FEW_GPUS ? 'cards' : 'map')
  return wanted === 'cards' && gpus > MOST_CARDS ? 'map' : wanted
}
