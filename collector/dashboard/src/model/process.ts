// Who holds a GPU, as its host told last.
import { finite, instant, isObject, objects, text, type JsonObject } from './json'

export interface Process {
  readonly gpuUuid: string
  readonly gpuIndex: number | null
  readonly pid: number
  readonly name: string | null
  readonly startedAt: number | null
  readonly memoryMb: number | null
  readonly smPercent: number | null
  readonly isGraphics: boolean
}

export function readProcesses(bodies: readonly JsonObject[]): Process[] {
  return bodies.flatMap((body) => objects(body['processes'])).map(readProcess).filter((found) => found !== null)
}

function readProcess(data: unknown): Process | null {
  if (!isObject(data)) return null
  const [gpuUuid, pid] = [text(data['gpu_uuid']), finite(data['pid'])]
  if (gpuUuid === null || pid === null) return null
  return {
    gpuUuid,
    gpuIndex: finite(data['gpu_index']),
    pid,
    name: text(data['name']),
    startedAt: instant(data['started_at']),
    memoryMb: finite(data['memory_used_mb']),
    smPercent: finite(data['sm_utilization_percent']),
    isGraphics: data['graphics'] === true,
  }
}
