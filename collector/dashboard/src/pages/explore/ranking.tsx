// The groups in order, with what each amounts to, and how much more or less that is than before.
import type { Span } from '../../address/range'
import { spanText } from '../../model/instant'
import type { Exploration } from '../../feed/explore'
import { pathOf } from '../../address/routes'
import type { Metric } from '../../model/catalog'
import { csvOf } from '../../model/csv'
import { addsUp, type GroupSeries, type Ranked } from '../../model/explore/groups'
import { AGGREGATE_TITLES, type Question } from '../../model/explore/question'
import { changeText, columnText, partOf } from '../../model/explore/table'
import { duration, fixed } from '../../model/format'
import { dashOf } from '../../view/chart/colours'
import { Bar, shareOf } from '../../view/parts/bar'
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
  const { span, groups, found, before, step } = exploration
  const earlier = groups.flatMap(({ series }) => before?.get(series.key) ?? [])
  const amounts = [...groups, ...earlier].map(({ value }) => value)
  const highest = highestOf(amounts)
  const textOf = (column: readonly number[]) => columnText(metric, highest, column)
  const amount = textOf(amounts)
  const lowest = textOf(groups.map(({ min }) => min))
  const most = textOf(groups.map(({ max }) => max))
  const whole = metric.unit === '%' ? 100 : highestOf(groups.map(({ value }) => value))
  // One row alone has nothing to be measured by.
  const hasBars = groups.length > 1
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
              <th scope="col" class="number" data-tip={spanText(span.since, span.until)}>{AGGREGATE_TITLES[question.agg]}</th>
              {hasBars && <th scope="col" class="ranking-bar"><span class="hidden">{metric.unit === '%' ? 'Of 100 %' : 'Share of the highest'}</span></th>}
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
                <td class="number ranking-value">{amount(one.value)}</td>
                {hasBars && <td class="ranking-bar"><Bar share={shareOf(one.value, whole)} kind="utilization" /></td>}
                <td class="number">{lowest(one.min)}</td>
                <td class="number">{most(one.max)}</td>
                {before !== null && <Before {...{ question, metric, one, span, step, amount }} before={before.get(one.series.key) ?? null} />}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function highestOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
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

interface BeforeProps {
  readonly question: Question
  readonly metric: Metric
  readonly one: Ranked
  readonly before: Ranked | null
  readonly span: Span
  readonly step: number
  readonly amount: (value: number) => string
}

/** Where only a part of the earlier time has data this is said, and what adds up is not compared with it. */
function Before({ question, metric, one, before, span, step, amount }: BeforeProps) {
  const part = before === null ? null : partOf(before.series, step, span.until - span.since)
  const change = part !== null && addsUp(question, metric) ? null : changeText(metric, one.value, before?.value ?? null)
  return (
    <>
      <td class={`number ${before === null ? 'absent' : ''}`} data-testid="before">
        {before === null ? 'n/a' : amount(before.value)}
        {part !== null && <span class="ranking-part">only {duration(part)} of data</span>}
      </td>
      <td class={`number ${change === null ? 'absent' : ''}`} data-testid="change">{change ?? 'n/a'}</td>
    </>
  )
}

function tableAsCsv(question: Question, metric: Metric, { groups, before }: Exploration): string {
  const name = `${metric.name}_${question.agg}`
  const header = [groupTitle(question.by), name, `${name}_lowest`, `${name}_highest`, ...(before === null ? [] : [`${name}_before`])]
  const rows = groups.map(({ series, value, min, max }) => [series.title, value, min, max, ...(before === null ? [] : [before.get(series.key)?.value ?? null])])
  return csvOf(header, rows)
}
