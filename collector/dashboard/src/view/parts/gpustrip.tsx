// A closed host in one small drawing: one column per GPU, as high as its utilization; a gap with a cross where nothing is known.
import { metric } from '../../model/gpu'
import { usePage } from '../context'
import { useFollowed } from './onscreen'

const HEIGHT = 18
const COLUMN = 5
const STEP = 7

export function GpuStrip({ uuids }: { readonly uuids: readonly string[] }) {
  return (
    <svg class="strip" width={uuids.length * STEP} height={HEIGHT} aria-hidden="true">
      {uuids.map((uuid, position) => <StripColumn key={uuid} uuid={uuid} x={position * STEP} />)}
    </svg>
  )
}

function StripColumn({ uuid, x }: { readonly uuid: string; readonly x: number }) {
  const { session } = usePage()
  const view = useFollowed(session.state.gpu(uuid))
  const freshness = useFollowed(session.state.freshnessOf(uuid))
  const share = view && freshness?.stale === null ? metric(view.values, 'gpu_utilization_percent') : null
  if (share === null) return <path class="strip-unknown" d={`M${x} ${HEIGHT - 5}l5 5m0 -5l-5 5`} />
  const height = Math.max(1, (Math.min(100, share) / 100) * HEIGHT)
  return (
    <>
      <rect class="strip-track" x={x} y={0} width={COLUMN} height={HEIGHT} rx={1.5} />
      <rect class="strip-fill" x={x} y={HEIGHT - height} width={COLUMN} height={height} rx={1.5} />
    </>
  )
}
