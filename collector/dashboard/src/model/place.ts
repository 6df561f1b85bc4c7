// Hosts and GPUs by what somebody types: a few suggestions, hosts first, those that begin with it before those that hold it.
import type { GpuIdentity } from './gpu'

export type Place =
  | { readonly kind: 'host'; readonly name: string; readonly title: string }
  | { readonly kind: 'gpu'; readonly name: string; readonly title: string; readonly host: string }

const MOST_PLACES = 8

export function gpuTitle(host: string, index: number | null): string {
  return `${host} · GPU ${index ?? '?'}`
}

export function suggestPlaces(typed: string, hosts: Iterable<string>, gpus: Iterable<Pick<GpuIdentity, 'host' | 'uuid' | 'index'>>): Place[] {
  const wanted = typed.trim().toLowerCase()
  if (wanted === '') return []
  const first: Place[] = []
  const rest: Place[] = []
  const put = (place: Place, ...texts: readonly string[]) => {
    const lower = texts.map((text) => text.toLowerCase())
    if (lower.some((text) => text.startsWith(wanted))) first.push(place)
    else if (rest.length < MOST_PLACES && lower.some((text) => text.includes(wanted))) rest.push(place)
    return first.length >= MOST_PLACES
  }
  for (const name of hosts) if (put({ kind: 'host', name, title: name }, name)) return first
  for (const { host, uuid, index } of gpus) {
    const title = gpuTitle(host, index)
    if (put({ kind: 'gpu', name: uuid, title, host }, uuid, title, `${host} ${index ?? ''}`)) break
  }
  return [...first, ...rest].slice(0, MOST_PLACES)
}
