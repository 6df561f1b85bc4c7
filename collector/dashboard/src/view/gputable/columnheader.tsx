// The names of the columns, above one table or many.
import { usePage } from '../context'
import { COLUMN_LIST } from './columns'

/** Hidden from screen readers, which get a header in every table. */
export function ColumnHeader() {
  const { session } = usePage()
  const catalog = session.catalog.value
  return (
    <div class="columns columns-header" aria-hidden="true">
      {COLUMN_LIST.map(({ key, title, metric }, position) => (
        <span key={position} class={`cell-${key}`} data-tip={metric === null ? undefined : catalog.get(metric)?.help}>
          {title}
        </span>
      ))}
    </div>
  )
}
