// How large the map is drawn: by how many cells it has, and by what they are grouped.
import { cellFor, type Measures } from '../../../model/map/plan'

const HOST_ACROSS = 8
const TITLE = 16

/** Without a width: that is the window's. Hosts are narrow blocks; other groups are as wide as the map. */
export function measuresFor(count: number, group: string): Omit<Measures, 'width'> {
  const cell = cellFor(count)
  const gap = cell >= 20 ? 3 : cell >= 11 ? 2 : 1
  const isHost = group === 'host'
  return {
    cell,
    gap,
    title: group === 'none' ? 0 : TITLE,
    between: isHost ? Math.max(10, cell) : 18,
    across: isHost ? HOST_ACROSS : null,
    narrowest: isHost ? 56 : 0,
  }
}
