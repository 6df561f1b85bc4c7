// Keys that mean something for as long as a part of a page is there.
import { useEffect, useRef } from 'preact/hooks'
import type { Binding } from '../../state/keys'
import { usePage } from '../context'

/** The bindings of the latest drawing act; which keys there are must not change. */
export function useKeys(title: string, bindings: readonly Binding[]): void {
  const { keys } = usePage()
  const latest = useRef(bindings)
  latest.current = bindings
  useEffect(() => {
    const stable = bindings.map(({ keys: own, help, run }, position) => ({
      keys: own,
      help,
      run: run === null ? null : () => latest.current[position]?.run?.(),
    }))
    return keys.add({ title, bindings: stable })
  }, [])
}
