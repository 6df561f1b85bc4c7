// How the fleet is looked at, as the page's address holds it: what is looked for, and how it is grouped, coloured and sorted.

export const VIEWS = ['cards', 'map', 'table'] as const
export type ViewName = (typeof VIEWS)[number]

/** Colours that are no metric: shares of a limit, and the state. */
export const SHARES = {
  memory_share: ['memory_used_mb', 'memory_total_mb'],
  power_share: ['power_watts', 'power_limit_watts'],
} as const satisfies Readonly<Record<string, readonly [part: string, whole: string]>>
export type ShareName = keyof typeof SHARES
export const STATE_COLOUR = 'state'
export const FIRST_COLOUR = 'gpu_utilization_percent'

export const LABEL_GROUP = 'label:'
export const FIRST_SORT = 'host'

export interface Choice {
  readonly query: string
  /** Null is left to the size of the fleet. */
  readonly view: ViewName | null
  /** `host`, `model`, `none`, or `label:NAME`. */
  readonly group: string
  /** A metric, a share, or the state. */
  readonly colour: string
  /** A column of the table. */
  readonly sort: string
  readonly descending: boolean
}

export const FIRST_CHOICE: Choice = {
  query: '',
  view: null,
  group: 'host',
  colour: FIRST_COLOUR,
  sort: FIRST_SORT,
  descending: false,
}

const LONGEST_QUERY = 500
const NAME = /^[a-z][a-z0-9_]{0,99}$/
const GROUP = /^(host|model|none|label:.{1,200})$/u

/** What the address says; what it does not say, or says wrongly, is as at first. */
export function readChoice(search: URLSearchParams): Choice {
  const view = search.get('view')
  const sort = search.get('sort') ?? ''
  return {
    query: (search.get('q') ?? '').slice(0, LONGEST_QUERY),
    view: VIEWS.find((name) => name === view) ?? null,
    group: valid(search.get('group'), GROUP) ?? FIRST_CHOICE.group,
    colour: valid(search.get('colour'), NAME) ?? FIRST_CHOICE.colour,
    sort: valid(sort.replace(/^-/, ''), NAME) ?? FIRST_CHOICE.sort,
    descending: sort.startsWith('-') && NAME.test(sort.slice(1)),
  }
}

/** What is as at first is left out, so that the address stays short. */
export function writeChoice(choice: Choice): URLSearchParams {
  const search = new URLSearchParams()
  const sort = `${choice.descending ? '-' : ''}${choice.sort}`
  const said: [string, string, string][] = [
    ['q', choice.query.slice(0, LONGEST_QUERY), ''],
    ['view', choice.view ?? '', ''],
    ['group', choice.group, FIRST_CHOICE.group],
    ['colour', choice.colour, FIRST_CHOICE.colour],
    ['sort', sort, FIRST_CHOICE.sort],
  ]
  for (const [key, value, first] of said) if (value !== first) search.set(key, value)
  return search
}

function valid(value: string | null, pattern: RegExp): string | null {
  return value !== null && pattern.test(value) ? value : null
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
export const MOST_CARDS = 32

export function viewOf(choice: Choice, gpus: number): ViewName {
  return choice.view ?? (gpus <= MOST_CARDS ? 'cards' : 'map')
}
