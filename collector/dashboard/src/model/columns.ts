// The fleet by column, as frames of /ws bring it: one row per GPU, the same row in every column until the layout changes.
import { gpuState, readIdentity, type GpuIdentity, type GpuState } from './gpu'
import { compareGpus, compareHosts } from './host'
import { finite, instant, isObject, text, type JsonObject } from './json'

/** Row i of every column is `gpus[i]`. */
export interface Layout {
  readonly number: number
  readonly metrics: readonly string[]
  readonly gpus: readonly GpuIdentity[]
}

export interface Frame {
  readonly layout: number
  /** Milliseconds of the collector's clock. */
  readonly time: number
  /** As it was sent: read when it is shown, one of ten thousand at a time. */
  readonly recordedAt: readonly unknown[]
  readonly state: readonly unknown[]
  readonly values: Readonly<Record<string, readonly unknown[]>>
}

/** Null when it is none. A GPU without UUID or host keeps its row, so that the others keep theirs. */
export function readLayout(message: JsonObject): Layout | null {
  const number = finite(message['layout'])
  if (number === null || !Array.isArray(message['gpus']) || !Array.isArray(message['metrics'])) return null
  return {
    number,
    metrics: message['metrics'].filter((name) => typeof name === 'string'),
    gpus: message['gpus'].map((gpu: unknown) => readIdentity(gpu) ?? NOBODY),
  }
}

export function readFrame(message: JsonObject): Frame | null {
  const layout = finite(message['layout'])
  const time = instant(message['time'])
  const { recorded_at: recordedAt, state, values } = message
  if (layout === null || time === null || !Array.isArray(recordedAt) || !Array.isArray(state) || !isObject(values)) return null
  const columns = Object.entries(values).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
  return { layout, time, recordedAt, state, values: Object.fromEntries(columns) }
}

const NOBODY: GpuIdentity = {
  uuid: '',
  host: '',
  index: null,
  name: null,
  parentUuid: null,
  migProfile: null,
  migInstance: null,
  state: 'unknown',
  simulated: false,
}

/** What is shown now: the newest frame of the newest layout. */
export class Columns {
  private shown: Layout | null = null
  private newest: Frame | null = null
  private rows = new Map<string, number>()
  private ranks: Int32Array | null = null

  get layout(): Layout | null {
    return this.shown
  }

  /** Milliseconds of the collector's clock; null before the first frame. */
  get time(): number | null {
    return this.newest?.time ?? null
  }

  get size(): number {
    return this.shown?.gpus.length ?? 0
  }

  /** Values of the layout before belong to other rows, and are forgotten. */
  take(layout: Layout): void {
    this.shown = layout
    this.newest = null
    this.ranks = null
    this.rows = new Map(layout.gpus.map(({ uuid }, row) => [uuid, row]))
  }

  /** Whether the frame is of the layout that is shown; another one is left aside. */
  show(frame: Frame): boolean {
    if (frame.layout !== this.shown?.number) return false
    this.newest = frame
    return true
  }

  rowOf(uuid: string): number | null {
    return this.rows.get(uuid) ?? null
  }

  /** The place of a row when all are in the order in which people count: 2 comes before 10. */
  rank(row: number): number {
    this.ranks ??= ranksOf(this.shown?.gpus ?? [])
    return this.ranks[row] ?? 0
  }

  gpu(row: number): GpuIdentity | null {
    return this.shown?.gpus[row] ?? null
  }

  state(row: number): GpuState {
    return gpuState(this.newest?.state[row])
  }

  /** Milliseconds of the agent's clock; null when the GPU was never read. */
  recordedAt(row: number): number | null {
    return instant(text(this.newest?.recordedAt[row]))
  }

  /** Null is absent, also where the metric was not asked for. */
  value(metric: string, row: number): number | null {
    return finite(this.newest?.values[metric]?.[row])
  }
}

function ranksOf(gpus: readonly GpuIdentity[]): Int32Array {
  const sorted = gpus.map((gpu, row) => ({ gpu, row })).sort((a, b) => compareHosts(a.gpu.host, b.gpu.host) || compareGpus(a.gpu, b.gpu))
  const ranks = new Int32Array(gpus.length)
  sorted.forEach(({ row }, rank) => (ranks[row] = rank))
  return ranks
}
