// What can be typed into the search, by examples.

export interface SearchExample {
  /** Without a space: between words all of which must hold stands one. */
  readonly typed: string
  readonly help: string
}

export const SEARCH_EXAMPLES: readonly SearchExample[] = [
  { typed: 'h100', help: 'In a name, UUID, label or state; of several words all must hold' },
  { typed: 'host=a*', help: 'The whole name, * for anything; also model and gpu' },
  { typed: 'state:lost,down', help: 'Either state, of the GPU or its host' },
  { typed: 'rack:r7', help: 'A label, here of the name rack' },
  { typed: 'util<5', help: 'A value: also temp, power and any metric, with <= > >= = !=' },
  { typed: 'mem>40g', help: 'Memory used in MiB, or in GiB with g' },
  { typed: '-rack:r7', help: 'All others' },
]
