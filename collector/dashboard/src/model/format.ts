// Numbers as people read them: few digits, the unit that fits, never a guess for what is absent.

const NBSP = '\u00a0'
const MIB_PER_GIB = 1024
const MIB_PER_TIB = 1024 * 1024
const JOULES_PER_KWH = 3_600_000

const formatters = new Map<number, Intl.NumberFormat>()

export function fixed(value: number, digits: number): string {
  let formatter = formatters.get(digits)
  if (!formatter) {
    formatter = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    formatters.set(digits, formatter)
  }
  return formatter.format(value)
}

export function withUnit(number: string, unit: string): string {
  return unit === '' ? number : `${number}${NBSP}${unit}`
}

/** Three significant digits at most, so that a column of them stays narrow. */
export function compact(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 100) return fixed(value, 0)
  return fixed(value, size >= 10 ? 1 : 2)
}

export function percent(value: number): string {
  return withUnit(fixed(value, 0), '%')
}

export function celsius(value: number): string {
  return withUnit(fixed(value, 0), '°C')
}

export function watts(value: number): string {
  if (value >= 999_950) return withUnit(compact(value / 1_000_000), 'MW')
  if (value >= 99_950) return withUnit(fixed(value / 1000, 0), 'kW')
  if (value >= 9_995) return withUnit(fixed(value / 1000, 1), 'kW')
  if (value >= 1_000) return withUnit(fixed(value / 1000, 2), 'kW')
  return withUnit(fixed(value, value < 9.95 ? 1 : 0), 'W')
}

interface MemoryUnit {
  readonly name: string
  readonly mib: number
  readonly digits: number
}

function memoryUnit(mib: number): MemoryUnit {
  if (mib >= 2 * MIB_PER_TIB) return { name: 'TiB', mib: MIB_PER_TIB, digits: mib >= 10 * MIB_PER_TIB ? 1 : 2 }
  if (mib >= MIB_PER_GIB) return { name: 'GiB', mib: MIB_PER_GIB, digits: mib >= 1000 * MIB_PER_GIB ? 0 : 1 }
  return { name: 'MiB', mib: 1, digits: 0 }
}

export function memory(mib: number): string {
  const unit = memoryUnit(mib)
  return withUnit(fixed(mib / unit.mib, unit.digits), unit.name)
}

/** Decimal, as buses are rated. */
export function megabytesPerSecond(value: number): string {
  return value >= 1000 ? withUnit(fixed(value / 1000, value >= 10_000 ? 1 : 2), 'GB/s') : withUnit(fixed(value, 0), 'MB/s')
}

/** `used` in the unit of `total`, without the unit: `0.0` is written only for a real zero. */
export function memoryPart(used: number, total: number): string {
  const unit = memoryUnit(total)
  const smallest = 10 ** -unit.digits
  if (used > 0 && used / unit.mib < smallest) return `<${fixed(smallest, unit.digits)}`
  return used === 0 ? '0' : fixed(used / unit.mib, unit.digits)
}

export function energy(joules: number): string {
  if (joules >= JOULES_PER_KWH) return withUnit(compact(joules / JOULES_PER_KWH), 'kWh')
  return withUnit(compact(joules / 1000), 'kJ')
}

/** A length of time in its largest whole unit, and from a day on in days and hours: `42 s`, `5 min`, `3 h`, `7 d 3 h`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 100) return withUnit(String(seconds), 's')
  if (seconds < 100 * 60) return withUnit(String(Math.round(seconds / 60)), 'min')
  const hours = Math.round(seconds / 3600)
  if (hours < 24) return withUnit(String(hours), 'h')
  const days = withUnit(fixed(Math.floor(hours / 24), 0), 'd')
  return hours % 24 === 0 ? days : `${days}${NBSP}${withUnit(String(hours % 24), 'h')}`
}

/** A length of time that was measured: below ten seconds with decimals, since whole ones would say little, and never 0 for what is not. */
export function secondsText(value: number): string {
  if (value <= 0 || value >= 9.95) return duration(value * 1000)
  return value < 0.005 ? `<${withUnit('0.01', 's')}` : withUnit(fixed(value, value < 0.995 ? 2 : 1), 's')
}

export function plural(count: number, noun: string): string {
  return `${fixed(count, 0)}${NBSP}${noun}${count === 1 ? '' : 's'}`
}

/** The part of a UUID by which people tell GPUs apart: `GPU-1a2b3c4d`. */
export function shortUuid(uuid: string): string {
  const match = /^([A-Z]+-)?([^-]+)/i.exec(uuid)
  return match?.[0] ?? uuid
}

/** The name without its maker and brand, which tell no GPU from another. */
export function shortName(name: string): string {
  return name.replace(/^NVIDIA\s+(GeForce\s+)?/i, '')
}
