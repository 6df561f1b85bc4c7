// What an agent costs its host, as it says itself with every heartbeat.
import { finite, isObject, text, type JsonObject } from './json'

/** Null is what the agent could not say. Totals count since the agent began. */
export interface AgentCost {
  readonly supervisorRssBytes: number | null
  readonly probeRssBytes: number | null
  /** Of both processes, in seconds. */
  readonly cpuSeconds: number | null
  readonly samplesTaken: number | null
  readonly samplesDropped: number | null
  readonly reconnects: number | null
  readonly probeRestarts: number | null
  readonly unackedReports: number | null
  readonly spoolReports: number | null
  readonly spoolBytes: number | null
  readonly spoolDropped: number | null
  readonly spoolFailures: number | null
  /** The call of the driver that hangs now, and for how long. */
  readonly hungCall: string | null
  readonly hungSeconds: number | null
}

export function readCost(data: unknown): AgentCost | null {
  if (!isObject(data)) return null
  const number = (name: string) => finite(data[name])
  return {
    supervisorRssBytes: number('supervisor_rss_bytes'),
    probeRssBytes: number('probe_rss_bytes'),
    cpuSeconds: cpuOf(data),
    samplesTaken: number('samples_taken_total'),
    samplesDropped: number('samples_dropped_total'),
    reconnects: number('reconnects_total'),
    probeRestarts: number('probe_restarts_total'),
    unackedReports: number('unacked_reports'),
    spoolReports: number('spool_reports'),
    spoolBytes: number('spool_bytes'),
    spoolDropped: number('spool_dropped_samples_total'),
    spoolFailures: number('spool_failures_total'),
    hungCall: text(data['hung_call']),
    hungSeconds: number('hung_seconds'),
  }
}

function cpuOf(data: JsonObject): number | null {
  const supervisor = finite(data['supervisor_cpu_seconds_total'])
  const probe = finite(data['probe_cpu_seconds_total'])
  return supervisor === null ? probe : supervisor + (probe ?? 0)
}
