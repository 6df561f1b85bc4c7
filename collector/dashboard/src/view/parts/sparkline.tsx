// The last hour of one metric in one small drawing.
import { useMemo } from 'preact/hooks'
import type { Tracked } from '../../model/fleet'
import { MINUTES } from '../../model/hourtrack'
import { sparkPath } from '../../model/sparkpath'
import { usePage } from '../context'
import { useFollowed } from './onscreen'

const HEIGHT = 28

interface SparklineProps {
  readonly uuid: string
  readonly name: Tracked
  /** The value at the upper edge; a larger reading raises it. */
  readonly top: number
  readonly label: string
}

export function Sparkline({ uuid, name, top, label }: SparklineProps) {
  const { session } = usePage()
  const version = useFollowed(session.state.sparkVersion)
  const { line, area } = useMemo(() => {
    const points = session.state.fleet.points(uuid, name, session.collectorNow())
    const highest = points.reduce<number>((most, value) => Math.max(most, value ?? 0), top)
    return sparkPath(points, highest, HEIGHT)
  }, [version, uuid, top])
  return (
    <svg
      class={`spark spark-${name}`}
      viewBox={`0 -1 ${MINUTES - 1} ${HEIGHT + 2}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={line === '' ? `${label}: no history yet` : `${label}, last hour`}
    >
      <path class="spark-base" d={`M0 ${HEIGHT}H${MINUTES - 1}`} />
      <path class="spark-area" d={area} />
      <path class="spark-line" d={line} />
    </svg>
  )
}
