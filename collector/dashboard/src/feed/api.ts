// The REST calls of the page, each bounded in time and pages, with errors as the collector words them.
import { readCatalog, type Catalog } from '../model/catalog'
import type { GpuFacts } from '../model/fleet'
import { readIdentity } from '../model/gpu'
import { readHost, type Host } from '../model/host'
import { isObject, objects, text, texts, type JsonObject } from '../model/json'
import { readProblem, type Problem } from './messages'

const TIMEOUT_MS = 10_000
/** More pages than this of one list are not asked for. */
const MOST_PAGES = 20
const PAGE_LIMIT = '1000'

/** `status` is 0 when the collector did not answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.title)
  }
}

export interface Api {
  hosts(): Promise<Host[]>
  gpus(): Promise<GpuFacts[]>
  catalog(): Promise<Catalog>
  /** How the bus between collectors is; null when that is not said. */
  bus(): Promise<string | null>
  pages(path: string, parameters: Readonly<Record<string, string>>): Promise<JsonObject[]>
  /** The collector's clock minus this page's, in milliseconds, from the latest answer. */
  clockOffset(): number
}

export function createApi(fetcher: typeof fetch, now: () => number): Api {
  let offset = 0

  async function get(path: string): Promise<JsonObject> {
    const response = await answer(path)
    const date = Date.parse(response.headers.get('date') ?? '')
    // The header has whole seconds: half a second is its expected remainder.
    if (!Number.isNaN(date)) offset = date + 500 - now()
    const body: unknown = await response.json().catch(() => null)
    if (!response.ok) throw new ApiError(response.status, readProblem(body))
    return isObject(body) ? body : {}
  }

  async function answer(path: string): Promise<Response> {
    try {
      return await fetcher(path, { signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } })
    } catch (error) {
      const detail = error instanceof Error ? error.message : null
      throw new ApiError(0, { title: 'The collector does not answer', detail, parameter: null })
    }
  }

  async function pages(path: string, parameters: Readonly<Record<string, string>>): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    let cursor: string | null = null
    for (let page = 0; page < MOST_PAGES; page++) {
      const query = new URLSearchParams(cursor === null ? parameters : { ...parameters, cursor })
      const body = await get(`${path}?${query}`)
      found.push(body)
      cursor = text(body['next_cursor'])
      if (cursor === null) break
    }
    return found
  }

  return {
    pages,
    clockOffset: () => offset,
    bus: async () => text((await get('/readyz'))['bus']),
    catalog: async () => readCatalog(await get('/api/v1/catalog')),
    hosts: async () => {
      const bodies = await pages('/api/v1/hosts', { limit: PAGE_LIMIT })
      return bodies.flatMap((body) => objects(body['hosts'])).map(readHost).filter((host) => host !== null)
    },
    gpus: async () => {
      const bodies = await pages('/api/v1/gpus', { limit: PAGE_LIMIT })
      return bodies.flatMap((body) => objects(body['gpus'])).map(readFacts).filter((facts) => facts !== null)
    },
  }
}

function readFacts(data: JsonObject): GpuFacts | null {
  const gpu = readIdentity(data)
  return gpu && { gpu, absent: texts(data['absent']) }
}
