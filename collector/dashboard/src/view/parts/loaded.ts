// What a part of a page asks the collector for: asked again when the question changes, abandoned when the part goes, and never thrown away before there is something newer.
import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../feed/api'
import { usePage } from '../context'

export interface Loaded<T> {
  /** The answer to the latest question that was answered; null before the first. */
  readonly data: T | null
  /** Why the latest question was not answered. */
  readonly failure: ApiError | null
  readonly isLoading: boolean
  /** Asks the same once more. */
  readonly again: () => void
}

interface State<T> {
  readonly key: string | null
  readonly data: T | null
  readonly failure: ApiError | null
  readonly isLoading: boolean
}

/** `key` says the whole question: what differs in it is asked anew. Null asks nothing. With `every`, in milliseconds, it is asked again. */
export function useLoaded<T>(key: string | null, ask: (abort: AbortSignal) => Promise<T>, every: number | null = null): Loaded<T> {
  const { session } = usePage()
  const [round, setRound] = useState(0)
  const [state, setState] = useState<State<T>>({ key: null, data: null, failure: null, isLoading: true })
  const returns = session.returns.value
  useEffect(() => {
    if (key === null) return undefined
    const abort = new AbortController()
    setState((known) => ({ ...known, isLoading: true }))
    ask(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ key, data, failure: null, isLoading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return
        if (!(error instanceof ApiError)) throw error
        setState((known) => ({ ...known, failure: error, isLoading: false }))
      },
    )
    return () => abort.abort()
  }, [key, round, returns])
  useEffect(() => {
    if (every === null) return undefined
    const timer = window.setInterval(() => setRound((known) => known + 1), every)
    return () => window.clearInterval(timer)
  }, [every])
  return { data: state.data, failure: state.failure, isLoading: state.isLoading, again: () => setRound((known) => known + 1) }
}
