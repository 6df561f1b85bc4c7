// The GPU in a few numbers, large enough to be read from across the room.
import type { GpuView } from '../../model/fleet'
import { celsius, fixed, memory, memoryPart, percent, watts, withUnit } from '../../model/format'
import { metric } from '../../model/gpu'
import { usePage } from '../../view/context'
import { Bar, shareOf } from '../../view/parts/bar'
import { Absent } from '../../view/parts/reading'
import { Tile } from '../../view/parts/tile'

export function Tiles({ view }: { readonly view: GpuView }) {
  const { session } = usePage()
  const stale = session.state.freshnessOf(view.gpu.uuid).value?.stale ?? null
  return (
    <section class={`totals gpu-tiles ${stale === null ? '' : 'is-stale'}`} aria-label="Now" data-testid="tiles">
      <Utilization view={view} />
      <Memory view={view} />
      <Power view={view} />
      <Temperature view={view} />
      <Clock view={view} />
    </section>
  )
}

type ViewProps = { readonly view: GpuView }

function Utilization({ view }: ViewProps) {
  const own = metric(view.values, 'gpu_utilization_percent')
  const active = metric(view.values, 'sm_active_percent')
  return (
    <Tile
      title="Utilization"
      testid="tile-utilization"
      figure={own === null ? null : percent(own)}
      absent={<Absent view={view} name="gpu_utilization_percent" />}
      note={active === null ? null : `SM active ${percent(active)}`}
      bar={<Bar share={shareOf(own, 100)} kind="utilization" />}
    />
  )
}

function Memory({ view }: ViewProps) {
  const used = metric(view.values, 'memory_used_mb')
  const total = metric(view.values, 'memory_total_mb')
  return (
    <Tile
      title="Memory"
      testid="tile-memory"
      figure={used === null ? null : total === null ? memory(used) : memoryPart(used, total)}
      absent={<Absent view={view} name="memory_used_mb" />}
      note={total === null ? null : `of ${memory(total)}`}
      bar={<Bar share={shareOf(used, total)} kind="memory" />}
    />
  )
}

function Power({ view }: ViewProps) {
  const own = metric(view.values, 'power_watts')
  const limit = metric(view.values, 'power_limit_watts')
  return (
    <Tile
      title="Power"
      testid="tile-power"
      figure={own === null ? null : watts(own)}
      absent={<Absent view={view} name="power_watts" />}
      note={limit === null ? null : `of ${watts(limit)}`}
      bar={<Bar share={shareOf(own, limit)} kind="power" />}
    />
  )
}

function Temperature({ view }: ViewProps) {
  const own = metric(view.values, 'temperature_celsius')
  const ofMemory = metric(view.values, 'memory_temperature_celsius')
  return (
    <Tile
      title="Temperature"
      testid="tile-temperature"
      figure={own === null ? null : celsius(own)}
      absent={<Absent view={view} name="temperature_celsius" />}
      note={ofMemory === null ? null : `memory ${celsius(ofMemory)}`}
      bar={<Bar share={shareOf(own, 100)} kind={own === null || own < 80 ? 'cool' : own < 90 ? 'warm' : 'hot'} />}
    />
  )
}

function Clock({ view }: ViewProps) {
  const own = metric(view.values, 'sm_clock_mhz')
  const fan = metric(view.values, 'fan_speed_percent')
  const state = metric(view.values, 'performance_state')
  return (
    <Tile
      title="SM clock"
      testid="tile-clock"
      figure={own === null ? null : withUnit(fixed(own, 0), 'MHz')}
      absent={<Absent view={view} name="sm_clock_mhz" />}
      note={[state === null ? null : `P${state}`, fan === null ? null : `fan ${percent(fan)}`].filter(Boolean).join(', ')}
    />
  )
}
