// Any metric of the catalogue as text, by its unit and kind, so that a metric added to the catalogue shows without a line here.
import type { Metric } from './catalog'
import { flagsOf, wordOf } from './flags'
import { celsius, compact, duration, energy, fixed, megabytesPerSecond, memory, percent, watts, withUnit } from './format'

const BY_UNIT: Readonly<Record<string, (value: number) => string>> = {
  '%': (value) => (Number.isInteger(value) ? percent(value) : withUnit(fixed(value, 1), '%')),
  '°C': celsius,
  W: watts,
  J: energy,
  MiB: memory,
  'MiB/s': (value) => `${memory(value)}/s`,
  'MB/s': megabytesPerSecond,
  MHz: (value) => withUnit(fixed(value, 0), 'MHz'),
  s: (value) => duration(value * 1000),
  state: (value) => `P${value}`,
}

export function valueText(metric: Metric, value: number): string {
  if (metric.kind === 'flags') return flagsText(metric, value)
  if (metric.kind === 'enumeration') return enumerationText(metric, value)
  const format = BY_UNIT[metric.unit]
  return format ? format(value) : compact(value)
}

function flagsText(metric: Metric, value: number): string {
  const flags = flagsOf(value, metric.names)
  return flags.length === 0 ? 'none' : flags.map((flag) => flag.word).join(', ')
}

function enumerationText(metric: Metric, value: number): string {
  const named = metric.names.find((entry) => entry.value === value)
  return named ? wordOf(named.name) : String(value)
}

/** `pcie_tx_mb_per_second` as `PCIe tx`: the unit is said by the value. */
export function metricTitle(name: string): string {
  const bare = name.replace(/_(percent|watts|celsius|mhz|mb_per_second|mb|joules_total|seconds_total|total)$/, '')
  const words = bare.split('_').map((word) => ACRONYMS[word] ?? word)
  const title = words.join(' ')
  return title.charAt(0).toUpperCase() + title.slice(1)
}

const ACRONYMS: Readonly<Record<string, string>> = {
  gpu: 'GPU',
  sm: 'SM',
  pcie: 'PCIe',
  ecc: 'ECC',
  nvlink: 'NVLink',
  dram: 'DRAM',
  fp16: 'FP16',
  fp32: 'FP32',
  fp64: 'FP64',
  tx: 'sent',
  rx: 'received',
}
