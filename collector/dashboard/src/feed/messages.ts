// The messages of /ws that the page understands; others are left aside, so that a newer collector does not break an older page.
import { readFrame, readLayout, type Frame, type Layout } from '../model/columns'
import { readReading, type GpuReading } from '../model/gpu'
import { readHappening, type Happening } from '../model/happening'
import { hostState, type HostState } from '../model/host'
import { isObject, text, type JsonObject } from '../model/json'

export type Message =
  | { readonly type: 'gpu_stats'; readonly reading: GpuReading }
  | { readonly type: 'host_state'; readonly host: string; readonly state: HostState }
  | { readonly type: 'event'; readonly happening: Happening }
  | { readonly type: 'layout'; readonly layout: Layout }
  | { readonly type: 'frame'; readonly frame: Frame }
  | { readonly type: 'error'; readonly problem: Problem }

export interface Problem {
  readonly title: string
  readonly detail: string | null
  /** What the collector could not accept, when it names it. */
  readonly parameter: string | null
}

const UNTITLED = 'The collector reported an error'

export function readMessage(raw: string): Message | null {
  const message = parse(raw)
  if (!isObject(message)) return null
  switch (message['type']) {
    case 'gpu_stats':
      return readGpuStats(message['data'])
    case 'host_state':
      return readHostState(message['data'])
    case 'event':
      return readEvent(message['data'])
    case 'layout':
      return readLayoutMessage(message)
    case 'frame':
      return readFrameMessage(message)
    case 'error':
      return { type: 'error', problem: readProblem(message['data']) }
    default:
      return null
  }
}

/** The title and detail of an `error` event or of application/problem+json. */
export function readProblem(data: unknown): Problem {
  const { title, detail, parameter } = isObject(data) ? data : ({} as JsonObject)
  return { title: text(title) ?? UNTITLED, detail: text(detail), parameter: text(parameter) }
}

function readGpuStats(data: unknown): Message | null {
  const reading = readReading(data)
  return reading && { type: 'gpu_stats', reading }
}

function readLayoutMessage(message: JsonObject): Message | null {
  const layout = readLayout(message)
  return layout && { type: 'layout', layout }
}

function readFrameMessage(message: JsonObject): Message | null {
  const frame = readFrame(message)
  return frame && { type: 'frame', frame }
}

function readEvent(data: unknown): Message | null {
  const happening = readHappening(data)
  return happening && { type: 'event', happening }
}

function readHostState(data: unknown): Message | null {
  const host = isObject(data) ? text(data['host']) : null
  return host === null || !isObject(data) ? null : { type: 'host_state', host, state: hostState(data['state']) }
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
