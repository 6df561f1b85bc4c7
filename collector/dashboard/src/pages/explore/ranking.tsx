// The groups in order, with what each amounts to, and how much more or less that is than before.
import { spanText } from '../../model/instant'
import type { Exploration } from '../../feed/explore'
import { pathOf } from '../../address/routes'
import type { Metric } from '../../model/catalog'
import { csvOf } from '../../model/csv'
import { changeOf, type GroupSeries, type Ranked } from '../../model/explore/groups'
import { AGGREGATE_TITLES, type Question } from '../../model/explore/question'
import { fixed } from '../../model/format'
import { meanText } from '../../model/value'
import { useCharts } from '../../view/chart/group'
import { dashOf } from '../../view/chart/colours'
import { Bar } from '../../view/parts/bar'
import { DownloadIcon } from '../../view/parts/icons'
import { offerFile } from '../../view/parts/offerfile'
import { Panel } from '../../view/parts/panel'
import { MOST_LINES } from './specs'

interface RankingProps {
  readonly question: Question
  readonly metric: Metric
  readonly exploration: Exploration
}

export function Ranking({ question, metric, exploration }: RankingProps) {
  const { span } = useCharts()
  const { groups, found, before } = exploration
  const highest = groups.reduce((most, { value }) => Math.max(most, value), 0)
  const title = question.by === 'fleet' ? 'In this time' : `${question.order === 'top' ? 'Highest' : 'Lowest'} ${groups.length} of ${fixed(found, 0)}`
  const save = () => offerFile(tableAsCsv(question, metric, exploration), `gpufleet-${metric.name}.csv`)
  const aside = (
    <button class="button button-small" type="button" onClick={save} data-testid="csv">
      <DownloadIcon /> CSV
    </button>
  )
  return (
    <Panel title={title} aside={aside} testid="ranking">
      <div class="table-scroll">
        <table class="table ranking">
          <thead>
            <tr>
              <th scope="col">{groupTitle(question.by)}</th>
              <th scope="col" class="number" data-tip={spanText(span.value.since, span.value.until)}>{AGGREGATE_TITLES[question.agg]}</th>
              <th scope="col" class="ranking-bar"><span class="hidden">Share of the highest</span></th>
              <th scope="col" class="number">Lowest point</th>
              <th scope="col" class="number">Highest point</th>
              {before !== null && <th scope="col" class="number">Before</th>}
              {before !== null && <th scope="col" class="number">Change</th>}
            </tr>
          </thead>
          <tbody>
            {groups.map((one, place) => (
              <tr key={one.series.key} data-testid="ranked">
                <td>
                  <Swatch place={place} />
                  <Name series={one.series} />
                </td>
                <td class="number ranking-value">{meanText(metric, one.value)}</td>
                <td class="ranking-bar"><Bar share={highest > 0 ? one.value / highest : null} kind="utilization" /></td>
                <td class="number">{meanText(metric, one.min)}</td>
                <td class="number">{meanText(metric, one.max)}</td>
                {before !== null && <Before metric={metric} one={one} before={before.get(one.series.key)} />}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function groupTitle(by: string): string {
  if (by === 'gpu') return 'GPU'
  const name = by.replace(/^label:/, '')
  return name.charAt(0).toUpperCase() + name.slice(1)
}

function Name({ series }: { readonly series: GroupSeries }) {
  const { title, host, gpuUuid } = series
  const href = gpuUuid !== null ? pathOf('gpu', gpuUuid) : host !== null ? pathOf('host', host) : null
  return href === null ? <span class="ranking-name">{title}</span> : <a class="ranking-name" href={href}>{title}</a>
}

/** As in the chart; empty where its line is not drawn. */
function Swatch({ place }: { readonly place: number }) {
  return (
    <svg class={`swatch swatch-${(place % 8) + 1}`} width="18" height="8" aria-hidden="true">
      {place < MOST_LINES && <path d="M0 4H18" stroke-dasharray={dashOf(place).join(' ')} />}
    </svg>
  )
}

function Before({ metric, one, before }: { readonly metric: Metric; readonly one: Ranked; readonly before: Ranked | undefined }) {
  const change = changeOf(one.value, before?.value ?? null)
  return (
    <>
      <td class={`number ${before === undefined ? 'absent' : ''}`}>{before === undefined ? 'n/a' : meanText(metric, before.value)}</td>
      <td class={`number ${change === null ? 'absent' : ''}`} data-testid="change">{change === null ? 'n/a' : changeText(change)}</td>
    </>
  )
}

/** `+12 %`, `−3 %`: more is not better or worse in itself, so that it has no colour. */
function changeText(change: number): string {
  const percent = Math.round(100 * change)
  return `${percent > 0 ? '+' : percent < 0 ? '−' : '±'}${fixed(Math.abs(percent), 0)}\u00a0%`
}

function tableAsCsv(question: Question, metric: Metric, { groups, before }: Exploration): string {
  const name = `${metric.name}_${question.agg}`
  const header = [groupTitle(question.by), name, `${name}_lowest`, `${name}_highest`, ...(before === null ? [] : [`${name}_before`])]
  const rows = groups.map(({ series, value, min, max }) => [series.title, value, min, max, ...(before === null ? [] : [before.get(series.key)?.value ?? null])])
  return csvOf(header, rows)
}

