import { expect, test } from 'vitest'
import { readCatalog } from '../../../src/model/catalog'
import { endsOf } from '../../../src/model/map/ends'
import { scaleOf, shareScale } from '../../../src/model/map/scale'

const plain = (texts: readonly string[]) => texts.map((text) => text.replaceAll('\u00a0', ' '))

test.each([
  ['memory_used_mb', 'MiB', 143_771, ['0 GiB', '200 GiB']],
  ['memory_used_mb', 'MiB', 700, ['0 MiB', '1,000 MiB']],
  ['memory_used_mb', 'MiB', 3_000_000, ['0 TiB', '5 TiB']],
  ['power_watts', 'W', 690, ['0 kW', '1 kW']],
  ['power_watts', 'W', 70, ['0 W', '100 W']],
  ['energy_joules_total', 'J', 120_000_000, ['0 kWh', '50 kWh']],
  ['temperature_celsius', '°C', 40, ['25 °C', '95 °C']],
  ['performance_state', 'state', 8, ['P0', 'P15']],
  ['process_count', 'processes', 3, ['0', '5']],
  ['power_throttle_seconds_total', 's', 900, ['0 s', '17 min']],
])('%s in %s of at most %d', (name, unit, largest, ends) => {
  const metric = readCatalog({ metrics: [{ name, unit }] }).get(name)
  expect(plain(endsOf(metric, scaleOf(name, unit, largest)))).toEqual(ends)
})

test('a share goes to the whole', () => expect(plain(endsOf(undefined, shareScale('memory')))).toEqual(['0 %', '100 %']))
