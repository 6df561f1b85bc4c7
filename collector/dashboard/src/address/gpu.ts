// What the address says on the page of a GPU.
import { queryOf } from './fields'
import { last, rangeField, type Range } from './range'

export interface GpuAddress {
  /** The time that the charts show. */
  readonly range: Range
}

export const gpuAddress = queryOf<GpuAddress>({ range: rangeField(last('1h')) })
