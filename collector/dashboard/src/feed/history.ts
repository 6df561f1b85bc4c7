// Fills the sparklines: one bounded question per host, a few at a time, and only for hosts that somebody looks at.
import type { Fleet, Tracked } from '../model/fleet'
import { TRACKED } from '../model/fleet'
import { finite, instant, isObject, objects, text, type JsonObject } from '../model/json'
import type { Api } from './api'

const AT_ONCE = 3
const STEP_SECONDS = '60'
const LIMIT = '10000'

export class HistoryLoader {
  private readonly asked = new Set<string>()
  private readonly queue: string[] = []
  private running = 0

  constructor(
    private readonly api: Pick<Api, 'pages'>,
    private readonly fleet: Fleet,
    private readonly onLoaded: () => void,
  ) {}

  /** Asks once per host until `forget`. */
  want(host: string): void {
    if (this.asked.has(host)) return
    this.asked.add(host)
    this.queue.push(host)
    this.pump()
  }

  /** After an interruption: what was asked may have gaps, so the next look asks again. */
  forget(): void {
    this.asked.clear()
    this.queue.length = 0
  }

  private pump(): void {
    while (this.running < AT_ONCE) {
      const host = this.queue.shift()
      if (host === undefined) return
      this.running += 1
      void this.load(host).finally(() => {
        this.running -= 1
        this.pump()
      })
    }
  }

  private async load(host: string): Promise<void> {
    const parameters = { host, metrics: TRACKED.join(','), step: STEP_SECONDS, limit: LIMIT }
    try {
      const bodies = await this.api.pages('/api/system/gpu-stats/history', parameters)
      for (const bucket of bodies.flatMap((body) => objects(body['buckets']))) fill(this.fleet, bucket)
      this.onLoaded()
    } catch {
      // A sparkline without its past is still true; the next look asks again.
      this.asked.delete(host)
    }
  }
}

function fill(fleet: Fleet, bucket: JsonObject): void {
  const uuid = text(bucket['gpu_uuid'])
  const start = instant(bucket['start'])
  if (uuid === null || start === null) return
  for (const name of TRACKED) fillMetric(fleet, uuid, name, start, bucket)
}

function fillMetric(fleet: Fleet, uuid: string, name: Tracked, start: number, bucket: JsonObject): void {
  const value = bucket[name]
  const average = isObject(value) ? finite(value['avg']) : null
  if (average !== null) fleet.fillHistory(uuid, name, start, average, finite(bucket['count']) ?? 1)
}
