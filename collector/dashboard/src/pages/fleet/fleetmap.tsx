// The fleet as a map: one cell for each GPU, what it means, and a card for the one that is looked at.
import { useMemo } from 'preact/hooks'
import { pathOf } from '../../address/routes'
import { plural } from '../../model/format'
import { usePage } from '../../view/context'
import { useKeys } from '../../view/parts/usekeys'
import { colourTitle } from './fleetbar'
import { describeGpu, HoverCard } from './hovercard'
import { Legend } from './map/legend'
import { MAP_KEYS, MapCanvas } from './map/mapcanvas'
import { measuresFor } from './map/measures'
import { paletteFor } from './map/palette'

export function FleetMap() {
  const { view, router, theme, session } = usePage()
  useKeys('On the map', MAP_KEYS)
  const { group, colour } = view.choice.value
  const scale = view.scale.value
  const found = view.rows.value.length
  const current = theme.current.value
  const measures = useMemo(() => measuresFor(found, group), [found, group])
  const isStale = session.link.value.phase !== 'live'
  const palette = useMemo(() => paletteFor(scale.ramp, current, document.documentElement, isStale), [scale.ramp, current, isStale])
  const open = (row: number) => {
    const gpu = view.columns.gpu(row)
    if (gpu) router.go(pathOf('gpu', gpu.uuid))
  }
  return (
    <section class="fleetmap" aria-label="Map of the fleet">
      <Legend scale={scale} palette={palette} metric={session.catalog.value.get(colour)} />
      <MapCanvas
        groups={view.groups.value}
        measures={measures}
        lookAt={(row) => view.lookAt(row)}
        palette={palette}
        version={view.version.value}
        summary={`${plural(found, 'GPU')} by ${colourTitle(colour).toLowerCase()}. Arrows move between them, Enter opens one; the table has the same in words.`}
        describe={(row) => describeGpu(view, session.catalog.value, row)}
        uuidOf={(row) => view.columns.gpu(row)?.uuid ?? null}
        rowOf={(uuid) => view.columns.rowOf(uuid)}
        card={(hover) => <HoverCard hover={hover} />}
        onOpen={open}
      />
    </section>
  )
}
