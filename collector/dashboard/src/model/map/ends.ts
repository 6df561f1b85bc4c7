// What stands at the two ends of the map's ramp.
import { axisTexts } from '../axis'
import type { Metric } from '../catalog'
import { valueText } from '../value'
import type { RampScale } from './scale'

/** Units whose values are words rather than a number with a unit. */
const WORDED: ReadonlySet<string> = new Set(['s', 'state'])

/** Both in one unit, as on an axis. Undefined is a share. */
export function endsOf(metric: Metric | undefined, { lowest, highest }: RampScale): readonly [lowest: string, highest: string] {
  if (metric && WORDED.has(metric.unit)) return [valueText(metric, lowest), valueText(metric, highest)]
  const [low = '', high = ''] = axisTexts(metric?.unit ?? '%', [lowest, highest])
  return [low, high]
}
