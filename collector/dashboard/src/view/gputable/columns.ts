// The columns of the list of GPUs, named once for the header, the rows and the cards of narrow screens.

export interface Column {
  readonly key: string
  readonly title: string
  /** The metric whose help text explains the column. */
  readonly metric: string | null
}

export const COLUMNS = {
  gpu: { key: 'gpu', title: 'GPU', metric: null },
  utilization: { key: 'utilization', title: 'Utilization', metric: 'gpu_utilization_percent' },
  utilizationHour: { key: 'spark', title: 'Last hour', metric: null },
  memory: { key: 'memory', title: 'Memory', metric: 'memory_used_mb' },
  temperature: { key: 'temperature', title: 'Temperature', metric: 'temperature_celsius' },
  power: { key: 'power', title: 'Power', metric: 'power_watts' },
  powerHour: { key: 'spark', title: 'Last hour', metric: null },
  clock: { key: 'clock', title: 'SM clock', metric: 'sm_clock_mhz' },
  fan: { key: 'fan', title: 'Fan', metric: 'fan_speed_percent' },
  processes: { key: 'processes', title: 'Procs', metric: 'process_count' },
  status: { key: 'status', title: 'Status', metric: 'throttle_reasons' },
} as const satisfies Record<string, Column>

export const COLUMN_LIST: readonly Column[] = Object.values(COLUMNS)
