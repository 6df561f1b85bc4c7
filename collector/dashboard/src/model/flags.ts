// Throttle reasons as words: the bits are NVML's, their names come from the catalogue.
import type { NamedValue } from './catalog'

export interface Flag {
  readonly word: string
  /** Whether the hardware or heat holds the clocks back, rather than a setting or idleness. */
  readonly isWarning: boolean
}

const WARNINGS: ReadonlySet<string> = new Set(['hw_slowdown', 'sw_thermal', 'hw_thermal', 'hw_power_brake'])
const ABBREVIATIONS: Readonly<Record<string, string>> = { hw: 'hardware', sw: 'software', gpu: '' }

export function isWarning(name: string): boolean {
  return WARNINGS.has(name)
}

/** `sw_thermal` as `software thermal`, `gpu_idle` as `idle`. */
export function wordOf(name: string): string {
  const words = name.split('_').map((part) => ABBREVIATIONS[part] ?? part)
  return words.filter((part) => part !== '').join(' ')
}

/** The flags set in `bits`, warnings first; bits without a name as one hexadecimal number. */
export function flagsOf(bits: number, names: readonly NamedValue[]): Flag[] {
  const flags: Flag[] = []
  let rest = BigInt(Math.trunc(bits))
  for (const { value, name } of names) {
    const mask = BigInt(value)
    if (mask === 0n || (rest & mask) !== mask) continue
    rest &= ~mask
    flags.push({ word: wordOf(name), isWarning: isWarning(name) })
  }
  if (rest !== 0n) flags.push({ word: `0x${rest.toString(16)}`, isWarning: false })
  return flags.sort((a, b) => Number(b.isWarning) - Number(a.isWarning))
}
