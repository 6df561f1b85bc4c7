// The fleet as a table of any length: only the rows on the screen are drawn, and any column sorts.
import { useComputed } from '@preact/signals'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { fleetAddress } from '../../address/fleet'
import { pathOf } from '../../address/routes'
import { isShare } from '../../model/choice'
import { celsius, memory, memoryPart, percent, shortName, watts } from '../../model/format'
import { sortRows, WORD_SORTS } from '../../model/tablesort'
import { metricTitle, valueText } from '../../model/value'
import { useAddress, usePage } from '../../view/context'
import { useScreen } from '../../view/parts/usescreen'
import { colourTitle } from './fleetbar'

const ROW_HEIGHT = 34
/** Rows drawn beyond the screen, so that scrolling shows no gaps. */
const BEYOND = 12

interface TableColumn {
  readonly key: string
  readonly title: string
  readonly isNumber: boolean
  readonly text: (row: number) => string | null
}

export function FleetTable() {
  const { view, session } = usePage()
  const [choice, change] = useAddress(fleetAddress)
  const columns = useColumns(choice.colour)
  const sorted = useComputed(() => {
    void view.version.value
    const { sort, down } = view.choice.value
    return sortRows(view.columns, view.rows.value, sort, down, (metric, row) => view.coloured(metric, row))
  })
  const { holder, first, count } = useWindow(sorted.value.length)
  const shown = sorted.value.slice(first, first + count)
  const sortBy = ({ key, isNumber }: TableColumn) =>
    change(key === choice.sort ? { down: !choice.down } : { sort: key, down: isNumber }, { isReplacing: true })
  return (
    <div class={`fleettable ${session.link.value.phase === 'live' ? '' : 'is-stale'}`} data-testid="table">
      <table aria-rowcount={sorted.value.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={classOf(column, choice.colour)}
                aria-sort={column.key !== choice.sort ? 'none' : choice.down ? 'descending' : 'ascending'}
              >
                <button type="button" onClick={() => sortBy(column)} data-testid={`sort-${column.key}`}>
                  {column.title}
                  <span aria-hidden="true">{column.key !== choice.sort ? '' : choice.down ? ' ↓' : ' ↑'}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={holder}>
          {first > 0 && <Spacer rows={first} />}
          {shown.map((row, position) => <Row key={view.columns.gpu(row)?.uuid ?? row} row={row} place={first + position} columns={columns} chosen={choice.colour} />)}
          {first + shown.length < sorted.value.length && <Spacer rows={sorted.value.length - first - shown.length} />}
        </tbody>
      </table>
    </div>
  )
}

function Spacer({ rows }: { readonly rows: number }) {
  return <tr aria-hidden="true" style={{ height: `${rows * ROW_HEIGHT}px` }} />
}

/** The column that was asked for stands out, also where it is always there. */
function classOf({ key, isNumber }: TableColumn, chosen: string): string {
  return `${isNumber ? 'is-number' : ''} ${key === chosen ? 'is-chosen' : ''}`
}

interface RowProps {
  readonly row: number
  readonly place: number
  readonly columns: readonly TableColumn[]
  readonly chosen: string
}

function Row({ row, place, columns, chosen }: RowProps) {
  const { view } = usePage()
  const gpu = view.columns.gpu(row)
  if (!gpu) return null
  const isSilent = !['up', 'late'].includes(view.hostState(gpu.host))
  return (
    <tr aria-rowindex={place + 2} class={isSilent ? 'is-silent' : ''}>
      {columns.map((column) => {
        const { key, text } = column
        const written = text(row)
        const link = key === 'host' ? pathOf('host', gpu.host) : key === 'index' ? pathOf('gpu', gpu.uuid) : null
        const content = written ?? 'n/a'
        return (
          <td key={key} class={`${classOf(column, chosen)} ${written === null ? 'absent' : ''}`}>
            {link === null ? content : <a href={link}>{content}</a>}
          </td>
        )
      })}
    </tr>
  )
}

function useColumns(colour: string): readonly TableColumn[] {
  const { view, session } = usePage()
  const catalog = session.catalog.value
  const number = (key: string, title: string, write: (value: number, row: number) => string): TableColumn => ({
    key,
    title,
    isNumber: true,
    text: (row) => {
      const found = view.coloured(key, row)
      return found === null ? null : write(found, row)
    },
  })
  const words: readonly TableColumn[] = [
    { key: 'host', title: 'Host', isNumber: false, text: (row) => view.columns.gpu(row)?.host ?? null },
    { key: 'index', title: 'GPU', isNumber: false, text: (row) => `GPU ${view.columns.gpu(row)?.index ?? '?'}` },
    { key: 'model', title: 'Model', isNumber: false, text: (row) => shortName(view.columns.gpu(row)?.name ?? '') || null },
    { key: 'state', title: 'State', isNumber: false, text: (row) => stateOf(view.columns.state(row), view.hostState(view.columns.gpu(row)?.host ?? '')) },
  ]
  const usual = [
    number('gpu_utilization_percent', 'Utilization', percent),
    number('memory_used_mb', 'Memory', (used, row) => memoryText(used, view.columns.value('memory_total_mb', row))),
    number('temperature_celsius', 'Temperature', celsius),
    number('power_watts', 'Power', watts),
  ]
  const known = new Set<string>([...WORD_SORTS, ...usual.map(({ key }) => key)])
  const metric = catalog.get(colour)
  if (isShare(colour)) return [...words, ...usual, number(colour, colourTitle(colour), percent)]
  if (metric === undefined || known.has(colour)) return [...words, ...usual]
  return [...words, ...usual, number(colour, metricTitle(colour), (found) => valueText(metric, found))]
}

function memoryText(used: number, total: number | null): string {
  return total === null ? memory(used) : `${memoryPart(used, total)} / ${memory(total)}`
}

function stateOf(gpu: string, host: string): string {
  return host === 'up' || host === 'late' ? gpu.replace('_', ' ') : `host ${host}`
}

/** Which rows are on the screen. */
function useWindow(rows: number) {
  const holder = useRef<HTMLTableSectionElement>(null)
  const [place, setPlace] = useState({ first: 0, count: 60 })
  const look = () => {
    const top = holder.current?.getBoundingClientRect().top ?? 0
    const first = Math.max(0, Math.floor(-top / ROW_HEIGHT) - BEYOND)
    const count = Math.ceil(window.innerHeight / ROW_HEIGHT) + 2 * BEYOND
    setPlace((before) => (before.first === first && before.count === count ? before : { first, count }))
  }
  useLayoutEffect(look, [rows])
  useScreen(look)
  return { holder, first: Math.min(place.first, Math.max(0, rows - 1)), count: place.count }
}
