// What the query of an address says, typed: each page declares its fields once, and reading and writing follow from that.

export interface Field<T> {
  /** What holds where the address says nothing; it is not written. */
  readonly usual: T
  /** Null where it cannot be read: the usual value holds then. `texts` has at least one. */
  read(texts: readonly string[]): T | null
  write(value: T): readonly string[]
}

type Fields<S> = { readonly [K in keyof S]: Field<S[K]> }

/** Reads and writes the state of one page. Unknown parameters are dropped, broken ones are as if they were not there. */
export interface Query<S extends object> {
  readonly usual: S
  parse(search: string): S
  /** With its question mark, or empty where everything is as usual. */
  format(state: S): string
}

export function queryOf<S extends object>(fields: Fields<S>): Query<S> {
  const entries = Object.entries(fields) as [keyof S & string, Field<unknown>][]
  const usual = Object.fromEntries(entries.map(([name, field]) => [name, field.usual])) as S

  function parse(search: string): S {
    const given = new URLSearchParams(search)
    const read = entries.map(([name, field]) => {
      const texts = given.getAll(name)
      return [name, texts.length === 0 ? field.usual : (field.read(texts) ?? field.usual)]
    })
    return Object.fromEntries(read) as S
  }

  function format(state: S): string {
    const search = new URLSearchParams()
    for (const [name, field] of entries) {
      const texts = field.write(state[name])
      if (!sameTexts(texts, field.write(field.usual))) for (const text of texts) search.append(name, text)
    }
    const written = search.toString()
    return written === '' ? '' : `?${written}`
  }

  return { usual, parse, format }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, position) => text === b[position])
}

/** Longer texts in an address are broken. */
const LONGEST_TEXT = 1_000
const MOST_TEXTS = 200

export function textField(usual = ''): Field<string> {
  return {
    usual,
    read: ([text = '']) => (text.length > LONGEST_TEXT ? null : text),
    write: (value) => [value],
  }
}

/** Repeated in the address: names may contain whatever else would part them. */
export function listField(): Field<readonly string[]> {
  return {
    usual: [],
    read: (texts) => {
      const kept = [...new Set(texts.filter((text) => text !== ''))]
      return kept.length > MOST_TEXTS || kept.some((text) => text.length > LONGEST_TEXT) ? null : kept
    },
    write: (value) => value,
  }
}

export function choiceField<T extends string>(choices: readonly T[], usual: T): Field<T> {
  return {
    usual,
    read: ([text]) => choices.find((choice) => choice === text) ?? null,
    write: (value) => [value],
  }
}

/** Any text that the pattern describes. */
export function patternField(pattern: RegExp, usual: string): Field<string> {
  return { usual, read: ([text = '']) => (pattern.test(text) ? text : null), write: (value) => [value] }
}

/** Some of the choices, repeated in the address; none stands for all. What is not one of them is left out. */
export function someField<T extends string>(choices: readonly T[]): Field<readonly T[]> {
  return {
    usual: [],
    read: (texts) => choices.filter((choice) => texts.includes(choice)),
    write: (value) => choices.filter((choice) => value.includes(choice)),
  }
}

export function flagField(usual = false): Field<boolean> {
  return {
    usual,
    read: ([text]) => (text === '1' ? true : text === '0' ? false : null),
    write: (value) => [value ? '1' : '0'],
  }
}
