// All hosts that the filter leaves, below one header of columns that they share.
import { plural } from '../../model/format'
import { countGpus } from '../../state/fleetlist'
import { ColumnHeader } from '../../view/gputable/columnheader'
import { usePage } from '../../view/context'
import { HostCard } from './hostcard'

export function HostList() {
  const { list } = usePage()
  const groups = list.shown.value
  return (
    <section aria-label="Hosts" class={list.isLarge.value ? 'hosts-many' : ''}>
      <ListBar />
      {groups.some(({ host, gpus }) => gpus.length > 0 && list.isOpen(host)) && <ColumnHeader />}
      {groups.map((group) => <HostCard key={group.host} group={group} />)}
    </section>
  )
}

function ListBar() {
  const { session, list } = usePage()
  const groups = list.shown.value
  const isInstance = (uuid: string) => (session.state.fleet.gpu(uuid)?.gpu.parentUuid ?? null) !== null
  const instances = groups.flatMap(({ gpus }) => gpus).filter(isInstance).length
  return (
    <div class="listbar">
      <p class="listbar-count" data-testid="shown" role="status">
        {plural(groups.length, 'host')}, {plural(countGpus(groups) - instances, 'GPU')}
        {instances > 0 && `, ${plural(instances, 'MIG instance')}`}
        {list.address.value.q !== '' && ' match'}
      </p>
      <div class="listbar-actions">
        <button class="link-button" type="button" onClick={() => list.setAllOpen(true)}>Open all</button>
        <button class="link-button" type="button" onClick={() => list.setAllOpen(false)}>Close all</button>
      </div>
    </div>
  )
}
