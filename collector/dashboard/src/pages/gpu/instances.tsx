// The MIG instances of a GPU, each a GPU with a page of its own.
import type { GpuView } from '../../model/fleet'
import { usePage } from '../../view/context'
import { ColumnHeader } from '../../view/gputable/columnheader'
import { GpuTable } from '../../view/gputable/gputable'
import { Panel } from '../../view/parts/panel'

export function Instances({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  const group = session.state.groups.value.find(({ host }) => host === view.gpu.host)
  const instances = group?.gpus.filter((uuid) => session.state.fleet.gpu(uuid)?.gpu.parentUuid === view.gpu.uuid) ?? []
  if (instances.length === 0) return null
  return (
    <Panel title="MIG instances" aside={`${instances.length} now`} testid="instances">
      <ColumnHeader />
      <GpuTable host={`the MIG instances of GPU ${view.gpu.index ?? ''}`} uuids={instances} />
    </Panel>
  )
}
