// The last hour of the host's GPUs, for their sparklines.
import { useEffect } from 'preact/hooks'
import { usePage } from '../../view/context'

export function useHostHistory(name: string): void {
  const { session } = usePage()
  const isLive = session.link.value.phase === 'live'
  useEffect(() => {
    if (isLive) session.wantHistory(name)
  }, [isLive, name])
}
