// Who holds the GPUs now.
import { pathOf } from '../../address/routes'
import type { Parameters } from '../../feed/api'
import { askProcesses } from '../../feed/past'
import { duration, memory, percent } from '../../model/format'
import type { Process } from '../../model/process'
import { usePage } from '../context'
import { useLoaded } from './loaded'
import { Panel } from './panel'
import { Failed, Loading, Nothing } from './states'

/** Hosts tell of their processes every ten seconds. */
const AGAIN_MS = 10_000
const MOST_LISTED = 200

interface ProcessesProps {
  readonly filter: Parameters
  /** Why nobody can say, as a sentence; null where an empty list means that nobody holds it. */
  readonly unknown: string | null
  /** Of several GPUs, each process says on which it is. */
  readonly hasGpus?: boolean
}

export function Processes({ filter, unknown, hasGpus = false }: ProcessesProps) {
  const { session } = usePage()
  const { data, failure, again } = useLoaded(JSON.stringify(filter), (abort) => askProcesses(session.api, filter, abort), AGAIN_MS)
  const aside = data === null || data.length === 0 ? undefined : `${data.length} now`
  return (
    <Panel title="Processes" aside={aside} testid="processes">
      {failure !== null && <Failed what="Processes" failure={failure} again={again} isOld={data !== null} />}
      {data === null && failure === null && <Loading what="processes" size="line" />}
      {data !== null && data.length === 0 && <Nothing>{unknown === null ? 'None now.' : `Not known. ${unknown}`}</Nothing>}
      {data !== null && data.length > 0 && <Table processes={data.slice(0, MOST_LISTED)} hasGpus={hasGpus} />}
      {data !== null && data.length > MOST_LISTED && <Nothing>and {data.length - MOST_LISTED} more</Nothing>}
    </Panel>
  )
}

function Table({ processes, hasGpus }: { readonly processes: readonly Process[]; readonly hasGpus: boolean }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Processes">
      <table class="table processes">
        <thead>
          <tr>
            {hasGpus && <th scope="col">GPU</th>}
            <th scope="col" class="process-pid">PID</th>
            <th scope="col">Name</th>
            <th scope="col" class="number">Memory</th>
            <th scope="col" class="number">SM</th>
            <th scope="col" class="number">Age</th>
          </tr>
        </thead>
        <tbody>{processes.map((process) => <Row key={`${process.gpuUuid} ${process.pid}`} process={process} hasGpu={hasGpus} />)}</tbody>
      </table>
    </div>
  )
}

function Row({ process, hasGpu }: { readonly process: Process; readonly hasGpu: boolean }) {
  const { session } = usePage()
  const { gpuUuid, gpuIndex, pid, name, startedAt, memoryMb, smPercent, isGraphics } = process
  return (
    <tr data-testid="process" data-pid={pid}>
      {hasGpu && (
        <td>
          <a href={pathOf('gpu', gpuUuid)}>{gpuIndex ?? '–'}</a>
        </td>
      )}
      <td class="process-pid">{pid}</td>
      <td class="process-name">
        {name ?? <Unsaid />}
        {isGraphics && <span class="aside"> graphics</span>}
      </td>
      <td class="number">{memoryMb === null ? <Unsaid /> : memory(memoryMb)}</td>
      <td class="number">{smPercent === null ? <Unsaid /> : percent(smPercent)}</td>
      <td class="number">{startedAt === null ? <Unsaid /> : duration(session.collectorNow() - startedAt)}</td>
    </tr>
  )
}

function Unsaid() {
  return <span class="absent" data-tip="The agent could not read it.">n/a</span>
}
