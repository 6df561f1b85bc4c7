// Every metric of the catalogue with its value now, panel by panel, and for each absent one the reason in words.
import { absenceText } from '../../model/absence'
import type { Metric } from '../../model/catalog'
import type { GpuView } from '../../model/fleet'
import { metric } from '../../model/gpu'
import { metricsByPanel } from '../../model/panels'
import { metricTitle, valueText } from '../../model/value'
import { usePage } from '../context'

export function AllValues({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  return (
    <div class="fact-panels">
      {metricsByPanel(session.catalog.value).map(([panel, metrics]) => (
        <section class="fact-panel" key={panel}>
          <h3>{panel}</h3>
          <dl>{metrics.map((entry) => <Row key={entry.name} view={view} declared={entry} />)}</dl>
        </section>
      ))}
    </div>
  )
}

function Row({ view, declared }: { readonly view: GpuView; readonly declared: Metric }) {
  const value = metric(view.values, declared.name)
  return (
    <div class="fact" data-metric={declared.name}>
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
