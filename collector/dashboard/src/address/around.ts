// Where an event is looked into: the charts of its GPU around its moment, or the page of its host where it is of no GPU.
import type { Happening } from '../model/happening'
import { gpuAddress } from './gpu'
import { hostAddress } from './host'
import { fixed } from './range'
import { pathOf } from './routes'

const AROUND_MS = 15 * 60_000

export function chartsAround({ host, gpuUuid, occurredAt }: Pick<Happening, 'host' | 'gpuUuid' | 'occurredAt'>, now: number): string {
  const range = fixed({ since: occurredAt - AROUND_MS, until: occurredAt + AROUND_MS }, now)
  if (gpuUuid === null) return pathOf('host', host) + hostAddress.format({ ...hostAddress.usual, range })
  return pathOf('gpu', gpuUuid) + gpuAddress.format({ ...gpuAddress.usual, range })
}
