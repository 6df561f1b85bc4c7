// What the filter box means: every word must occur in the host's name or labels, or in the GPU's name, UUID or state.
import type { GpuIdentity } from './gpu'
import type { Host } from './host'

export type Words = readonly string[]

export function wordsOf(query: string): Words {
  return query.toLowerCase().split(/\s+/).filter((word) => word !== '')
}

export function hostText(host: Host): string {
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`)
  return [host.name, host.state, ...labels].join(' ').toLowerCase()
}

/** Whether the host itself matches, so that all its GPUs are shown. */
export function matchesHost(words: Words, host: Host): boolean {
  const haystack = hostText(host)
  return words.every((word) => haystack.includes(word))
}

/** Whether the GPU matches, words of its host counted in. */
export function matchesGpu(words: Words, host: Host, gpu: GpuIdentity): boolean {
  const haystack = `${hostText(host)} ${gpu.name ?? ''} ${gpu.uuid} ${gpu.state} ${gpu.migProfile ?? ''}`.toLowerCase()
  return words.every((word) => haystack.includes(word))
}
