// Pages that are about the past of the whole fleet need to know which hosts and GPUs there are, and little of what they do now.
import { useEffect } from 'preact/hooks'
import { usePage } from '../context'

/** A frame has to have some metric. */
const ONE = ['gpu_utilization_percent']

export function useFleetNames(): void {
  const { session } = usePage()
  useEffect(() => session.wantFrames(ONE), [])
}
