// What a search is made of, once it is read: conditions that all must hold, and what could not be read.

export type Comparison = '<' | '<=' | '>' | '>=' | '=' | '!='

export type Term =
  /** Anywhere in what names the host or the GPU. */
  | { readonly kind: 'word'; readonly word: string; readonly negated: boolean }
  /** `key` is one of TEXT_KEYS. Any of the patterns must match. */
  | { readonly kind: 'text'; readonly key: TextKey; readonly patterns: readonly Pattern[]; readonly negated: boolean }
  | { readonly kind: 'label'; readonly label: string; readonly patterns: readonly Pattern[]; readonly negated: boolean }
  | { readonly kind: 'metric'; readonly metric: string; readonly comparison: Comparison; readonly value: number; readonly negated: boolean }

export const TEXT_KEYS = ['host', 'model', 'state', 'gpu'] as const
export type TextKey = (typeof TEXT_KEYS)[number]

/** In lower case. `whole` must be all of the text; `*` stands for anything. */
export interface Pattern {
  readonly text: string
  readonly whole: boolean
}

export interface Unread {
  /** The piece as it was typed. */
  readonly piece: string
  readonly why: string
}

export interface Query {
  readonly terms: readonly Term[]
  /** Pieces that could not be read; they restrict nothing. */
  readonly unread: readonly Unread[]
}
