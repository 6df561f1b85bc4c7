// How many hosts there are, and how they are.
import type { Host, HostState } from './host'

export interface HostCounts {
  readonly hosts: Readonly<Record<HostState, number>>
  readonly simulatedHosts: number
  readonly hostCount: number
}

export function countHosts(all: Iterable<Host>): HostCounts {
  const hosts = { up: 0, late: 0, down: 0, left: 0, unknown: 0 }
  let simulatedHosts = 0
  let hostCount = 0
  for (const host of all) {
    hosts[host.state] += 1
    hostCount += 1
    if (host.simulated) simulatedHosts += 1
  }
  return { hosts, simulatedHosts, hostCount }
}
