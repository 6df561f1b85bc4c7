// The past of the GPU for as long as its page is open: asked anew with the range, and after an interruption.
import { useEffect, useMemo } from 'preact/hooks'
import { writeRange, type Range } from '../../address/range'
import type { Metric } from '../../model/catalog'
import { GpuPast } from '../../state/gpupast'
import { usePage } from '../../view/context'

export function usePast(uuid: string, range: Range): GpuPast {
  const { session } = usePage()
  const past = useMemo(
    () =>
      new GpuPast(uuid, {
        api: session.api,
        collectorNow: () => session.collectorNow(),
        schedule: (action, delay) => window.setTimeout(action, delay),
        cancel: (timer) => window.clearTimeout(timer),
      }),
    [uuid],
  )
  const catalog = session.catalog.value
  const returns = session.returns.value
  useEffect(() => {
    const known = session.state.fleet.gpu(uuid)
    if (known?.arrival) past.hear({ recordedAt: known.arrival.recordedAt, values: known.values })
    const stop = session.onReading((reading) => reading.gpu.uuid === uuid && past.hear(reading))
    return () => {
      stop()
      past.stop()
    }
  }, [past])
  useEffect(() => {
    const metrics = [...catalog.values()]
    const names = (isWanted: (metric: Metric) => boolean) => metrics.filter(isWanted).map(({ name }) => name)
    if (metrics.length > 0) past.show({ range, gauges: names(({ kind }) => kind !== 'counter'), counters: names(({ kind }) => kind === 'counter') })
  }, [past, catalog, writeRange(range), returns])
  return past
}
