// Looks again at most once for each picture of the screen in which something scrolled or the window changed.
import { useEffect, useRef } from 'preact/hooks'

export function useScreen(look: () => void): void {
  const latest = useRef(look)
  latest.current = look
  useEffect(() => {
    let asked = 0
    const ask = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0
        latest.current()
      })
    }
    window.addEventListener('scroll', ask, { passive: true })
    window.addEventListener('resize', ask)
    return () => {
      window.removeEventListener('scroll', ask)
      window.removeEventListener('resize', ask)
      cancelAnimationFrame(asked)
    }
  }, [])
}
