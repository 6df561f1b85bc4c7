// One value of one GPU, or `n/a` with the reason for which it is absent.
import { absenceText } from '../../model/absence'
import type { GpuView } from '../../model/fleet'
import { metric } from '../../model/gpu'

interface ReadingProps {
  readonly view: GpuView
  readonly name: string
  readonly format: (value: number) => string
  readonly class?: string
}

export function Reading({ view, name, format, class: className }: ReadingProps) {
  const value = metric(view.values, name)
  if (value === null) return <Absent view={view} name={name} />
  return (
    <span class={className} data-testid={`gpu-${name}`} data-value={value}>
      {format(value)}
    </span>
  )
}

export function Absent({ view, name }: { readonly view: GpuView; readonly name: string }) {
  const reason = absenceText(view.absent[name], view.arrival !== null)
  return (
    <span class="absent" data-testid={`gpu-${name}`} data-value="" data-tip={reason}>
      n/a<span class="hidden">. {reason}</span>
    </span>
  )
}
