// Redraws follow the eye: in a large fleet, what is off the screen keeps its last drawing until it comes near.
import { useSignal, type ReadonlySignal } from '@preact/signals'
import { createContext, type RefObject } from 'preact'
import { useContext, useEffect, useRef } from 'preact/hooks'

const NEAR = '300px'

/** Whether its part of the page is on or near the screen; null where everything is followed. */
export const OnScreen = createContext<ReadonlySignal<boolean> | null>(null)

export function useOnScreen(element: RefObject<Element | null>): ReadonlySignal<boolean> {
  const isOnScreen = useSignal(false)
  useEffect(() => {
    const node = element.current
    if (node === null) return undefined
    const observer = new IntersectionObserver(
      (entries) => (isOnScreen.value = entries.at(-1)?.isIntersecting ?? false),
      { rootMargin: NEAR },
    )
    observer.observe(node)
    return () => observer.disconnect()
  }, [])
  return isOnScreen
}

/** The value of a signal; in a large list it is followed only on the screen. */
export function useFollowed<T>(signal: ReadonlySignal<T | undefined>): T | undefined {
  const isOnScreen = useContext(OnScreen)
  const last = useRef<T | undefined>(undefined)
  const isFollowed = isOnScreen === null || isOnScreen.value
  if (isFollowed || last.current === undefined) last.current = signal.value
  return last.current
}
