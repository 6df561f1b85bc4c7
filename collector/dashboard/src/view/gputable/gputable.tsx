// The GPUs of one host with their newest values and last hour.
import { COLUMN_LIST } from './columns'
import { GpuRow } from './gpurow'

interface GpuTableProps {
  readonly host: string
  readonly uuids: readonly string[]
}

export function GpuTable({ host, uuids }: GpuTableProps) {
  return (
    <table role="table" class="gpus" aria-label={`GPUs of ${host}`}>
      <thead role="rowgroup" class="hidden">
        <tr role="row">
          {COLUMN_LIST.map(({ title }, position) => <th key={position} role="columnheader" scope="col">{title}</th>)}
        </tr>
      </thead>
      <tbody role="rowgroup">{uuids.map((uuid) => <GpuRow key={uuid} uuid={uuid} />)}</tbody>
    </table>
  )
}
