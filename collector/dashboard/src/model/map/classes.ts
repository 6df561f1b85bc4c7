// Flags and names on the map: a few classes, each with a colour and a mark of its own, because they are no quantities.
import type { NamedValue } from '../catalog'
import { isWarning, wordOf } from '../flags'
import { STEPS, type Class, type ClassScale } from './scale'

const NONE = 0
const BENIGN = 1
const LIMIT = 2
const WARNING = 3

const FLAG_CLASSES: readonly Class[] = [
  { title: 'None', step: 0, mark: 'none' },
  { title: 'Idle, or clocks as set', step: Math.round(STEPS * 0.25), mark: 'benign' },
  { title: 'Power cap or another limit', step: Math.round(STEPS * 0.55), mark: 'limit' },
  { title: 'Heat or hardware', step: STEPS - 1, mark: 'warning' },
]

/** Clocks are low because nothing is to do, or because somebody wants them so. */
const BENIGN_NAMES: ReadonlySet<string> = new Set(['gpu_idle', 'clocks_setting', 'sync_boost', 'display_clocks'])

/** By the worst flag that is set. */
export function flagScale(names: readonly NamedValue[]): ClassScale {
  const known = new Map<number, number>()
  const classOf = (bits: number) => {
    const found = known.get(bits) ?? worstOf(bits, names)
    known.set(bits, found)
    return found
  }
  return { kind: 'classes', ramp: 'heat', classes: FLAG_CLASSES, classOf }
}

function worstOf(bits: number, names: readonly NamedValue[]): number {
  let rest = BigInt(Math.trunc(bits))
  let worst = NONE
  for (const { value, name } of names) {
    const mask = BigInt(value)
    if (mask === 0n || (rest & mask) !== mask) continue
    rest &= ~mask
    worst = Math.max(worst, classOfFlag(name))
  }
  return rest === 0n ? worst : Math.max(worst, LIMIT)
}

function classOfFlag(name: string): number {
  return isWarning(name) ? WARNING : BENIGN_NAMES.has(name) ? BENIGN : LIMIT
}

/** The first name is how things are as a rule, as `no` and `none` are; every other one is worth a look. */
export function nameScale(names: readonly NamedValue[]): ClassScale {
  const [usual, other] = [...names].sort((a, b) => a.value - b.value)
  const classes: readonly Class[] = [
    { title: capital(usual?.name ?? 'none'), step: 0, mark: 'none' },
    { title: names.length === 2 && other ? capital(other.name) : 'Something else', step: STEPS - 1, mark: 'warning' },
  ]
  return { kind: 'classes', ramp: 'heat', classes, classOf: (value) => Number(value !== (usual?.value ?? 0)) }
}

function capital(name: string): string {
  const word = wordOf(name)
  return word.charAt(0).toUpperCase() + word.slice(1)
}

/** Every GPU that is well looks the same: the others have their marks. */
export const STATE_SCALE: ClassScale = {
  kind: 'classes',
  ramp: 'load',
  classes: [{ title: 'OK', step: STEPS >> 1, mark: 'none' }],
  classOf: () => 0,
}
