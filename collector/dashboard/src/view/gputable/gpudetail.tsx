// Everything known of one GPU: who it is, and every value.
import type { GpuView } from '../../model/fleet'
import { AllValues } from '../parts/allvalues'
import { Time } from '../parts/time'
import { COLUMN_LIST } from './columns'

export function GpuDetail({ view }: { readonly view: GpuView }) {
  return (
    <tr role="row" class="detail" data-testid="gpu-detail">
      <td role="cell" class="detail-cell" colSpan={COLUMN_LIST.length}>
        <p class="detail-identity">
          <span class="uuid">{view.gpu.uuid}</span>
          {view.arrival && <span>read <Time at={view.arrival.recordedAt} /></span>}
        </p>
        <AllValues view={view} />
      </td>
    </tr>
  )
}
