// The time of the charts, what the crosshair is on, and the charts as a file.
import { gpuAddress } from '../../address/gpu'
import { localTime, utcTime } from '../../model/instant'
import type { GpuPast } from '../../state/gpupast'
import { useAddress } from '../../view/context'
import { useCharts } from '../../view/chart/group'
import { RangePicker } from '../../view/parts/rangepicker'
import { Download } from './download'

interface RangeBarProps {
  readonly uuid: string
  readonly past: GpuPast
}

export function RangeBar({ uuid, past }: RangeBarProps) {
  const [{ range }, change] = useAddress(gpuAddress)
  return (
    <div class="rangebar">
      <RangePicker range={range} onChange={(next) => change({ range: next })} />
      <Crosshair />
      <Download uuid={uuid} past={past} />
      {past.isLoading.value && past.drawn.value !== null && <span class="rangebar-loading" role="status"><span class="hidden">Loading</span></span>}
    </div>
  )
}

function Crosshair() {
  const moment = useCharts().cursor.value
  return (
    <span class="crosshair" data-testid="crosshair">
      {moment !== null && (
        <>
          {localTime(moment, 'day')} <span class="crosshair-utc">{utcTime(moment)}</span>
        </>
      )}
    </span>
  )
}
