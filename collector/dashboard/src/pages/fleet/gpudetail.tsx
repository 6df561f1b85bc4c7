// Everything known of one GPU: every metric of the catalogue, and for each absent one the reason in words.
import { pathOf } from '../../address/routes'
import { absenceText } from '../../model/absence'
import type { Catalog, Metric } from '../../model/catalog'
import type { GpuView } from '../../model/fleet'
import { metric } from '../../model/gpu'
import { metricTitle, valueText } from '../../model/value'
import { Time } from '../../view/parts/time'
import { COLUMN_LIST } from './columns'
import { usePage } from '../../view/context'

export function GpuDetail({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  return (
    <tr role="row" class="detail" data-testid="gpu-detail">
      <td role="cell" class="detail-cell" colSpan={COLUMN_LIST.length}>
        <p class="detail-identity">
          <span class="uuid">{view.gpu.uuid}</span>
          {view.arrival && <span>read <Time at={view.arrival.recordedAt} /></span>}
          <a href={pathOf('gpu', view.gpu.uuid)} data-testid="open-gpu">Charts and events</a>
        </p>
        <div class="fact-panels">
          {panelsOf(session.catalog.value).map(([panel, metrics]) => (
            <section class="fact-panel" key={panel}>
              <h4>{panel}</h4>
              <dl>{metrics.map((entry) => <Row key={entry.name} view={view} declared={entry} />)}</dl>
            </section>
          ))}
        </div>
      </td>
    </tr>
  )
}

function Row({ view, declared }: { readonly view: GpuView; readonly declared: Metric }) {
  const value = metric(view.values, declared.name)
  return (
    <div class="fact">
      <dt data-tip={declared.help}>{metricTitle(declared.name)}</dt>
      {value === null ? (
        <AbsentFact reason={view.absent[declared.name]} wasRead={view.arrival !== null} />
      ) : (
        <dd>{valueText(declared, value)}</dd>
      )}
    </div>
  )
}

/** A reason that the agent gave is written out; that there is none is said on demand. */
function AbsentFact({ reason, wasRead }: { readonly reason: string | undefined; readonly wasRead: boolean }) {
  const words = absenceText(reason, wasRead)
  return (
    <dd class="absent" data-tip={words}>
      n/a <span class={reason === undefined ? 'hidden' : 'reason'}>{words}</span>
    </dd>
  )
}

function panelsOf(catalog: Catalog): [string, Metric[]][] {
  const panels = new Map<string, Metric[]>()
  for (const entry of catalog.values()) panels.set(entry.panel, [...(panels.get(entry.panel) ?? []), entry])
  return [...panels]
}
