import { expect, test } from 'vitest'
import { parseQuery } from '../../../src/model/query/parse'
import { SEARCH_EXAMPLES } from '../../../src/view/shell/searchexamples'

const METRICS = new Set(['gpu_utilization_percent', 'memory_used_mb'])

test.each(SEARCH_EXAMPLES.map(({ typed }) => typed))('%s is one condition that can be read', (typed) => {
  expect(parseQuery(typed, METRICS)).toMatchObject({ terms: [{}], unread: [] })
})
