// Any metric of the catalogue as text, by its unit and kind, so that a metric added to the catalogue shows without a line here.
import type { Metric } from './catalog'
import { flagsOf, wordOf } from './flags'
import { celsius, compact, energy, fixed, megabytesPerSecond, memory, secondsText, watts, withUnit } from './format'

/** `digits` are the decimals of what has no larger unit. */
const BY_UNIT: Readonly<Record<string, (value: number, digits: number) => string>> = {
  '%': (value, digits) => withUnit(fixed(value, digits), '%'),
  '°C': celsius,
  W: watts,
  J: energy,
  MiB: memory,
  'MiB/s': (value) => `${memory(value)}/s`,
  'MB/s': megabytesPerSecond,
  MHz: (value) => withUnit(fixed(value, 0), 'MHz'),
  s: secondsText,
  state: (value, digits) => `P${fixed(value, digits)}`,
}

/** With as many decimals as the metric has, always: a column of readings keeps its width. */
export function valueText(metric: Metric, value: number, digits = digitsOf(metric)): string {
  if (metric.kind === 'flags') return flagsText(metric, value)
  if (metric.kind === 'enumeration') return enumerationText(metric, value)
  const format = BY_UNIT[metric.unit]
  return format ? format(value, digits) : compact(value)
}

function digitsOf({ resolution }: Metric): number {
  return resolution > 0 && resolution < 1 ? Math.ceil(-Math.log10(resolution)) : 0
}

/** Means have decimals where what they are of has none: few where they are small, and none that tell nothing. */
export function meanText(metric: Metric, value: number): string {
  if (metric.unit === '%') return valueText(metric, value, value === 0 || value >= 9.95 ? 0 : 1)
  return metric.unit === 'state' ? valueText(metric, value, Number.isInteger(value) ? 0 : 1) : valueText(metric, value)
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
