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

/** Lists are repeated parameters. */
export type Parameters = Readonly<Record<string, string | readonly string[]>>

export interface Api {
  hosts(filter?: Parameters): Promise<Host[]>
  gpus(filter?: Parameters): Promise<GpuFacts[]>
  catalog(): Promise<Catalog>
  /** How the bus between collectors is; null when that is not said. */
  bus(): Promise<string | null>
  get(path: string, parameters: Parameters, abort?: AbortSignal): Promise<JsonObject>
  /** All pages of a list, up to a bound. */
  pages(path: string, parameters: Parameters, abort?: AbortSignal): Promise<JsonObject[]>
  /** The collector's clock minus this page's, in milliseconds, from the latest answer. */
  clockOffset(): number
}

export function createApi(fetcher: typeof fetch, now: () => number): Api {
  let offset = 0

  async function get(path: string, parameters: Parameters = {}, abort?: AbortSignal): Promise<JsonObject> {
    const response = await answer(path + written(parameters), abort)
    const date = Date.parse(response.headers.get('date') ?? '')
    // The header has whole seconds: half a second is its expected remainder.
    if (!Number.isNaN(date)) offset = date + 500 - now()
    const body: unknown = await response.json().catch(() => null)
    abort?.throwIfAborted()
    if (!response.ok) throw new ApiError(response.status, readProblem(body))
    return isObject(body) ? body : {}
  }

  async function answer(path: string, abort: AbortSignal | undefined): Promise<Response> {
    const patience = AbortSignal.timeout(TIMEOUT_MS)
    const signal = abort === undefined ? patience : AbortSignal.any([patience, abort])
    try {
      return await fetcher(path, { signal, headers: { accept: 'application/json' } })
    } catch (error) {
      abort?.throwIfAborted()
      const detail = error instanceof Error ? error.message : null
      throw new ApiError(0, { title: 'The collector does not answer', detail, parameter: null })
    }
  }

  async function pages(path: string, parameters: Parameters, abort?: AbortSignal): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    let cursor: string | null = null
    for (let page = 0; page < MOST_PAGES; page++) {
      const body = await get(path, cursor === null ? parameters : { ...parameters, cursor }, abort)
      found.push(body)
      cursor = text(body['next_cursor'])
      if (cursor === null) break
    }
    return found
  }

  return {
    get,
    pages,
    clockOffset: () => offset,
    bus: async () => text((await get('/readyz'))['bus']),
    catalog: async () => readCatalog(await get('/api/v1/catalog')),
    hosts: async (filter = {}) => {
      const bodies = await pages('/api/v1/hosts', { ...filter, limit: PAGE_LIMIT })
      return bodies.flatMap((body) => objects(body['hosts'])).map(readHost).filter((host) => host !== null)
    },
    gpus: async (filter = {}) => {
      const bodies = await pages('/api/v1/gpus', { ...filter, limit: PAGE_LIMIT })
      return bodies.flatMap((body) => objects(body['gpus'])).map(readFacts).filter((facts) => facts !== null)
    },
  }
}

function written(parameters: Parameters): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    for (const text of typeof value === 'string' ? [value] : value) query.append(name, text)
  }
  return query.size === 0 ? '' : `?${query}`
}

function readFacts(data: JsonObject): GpuFacts | null {
  const gpu = readIdentity(data)
  const board = { pciBusId: text(data['pci_bus_id']), serial: text(data['serial']), vbios: text(data['vbios']) }
  return gpu && { gpu, board, absent: texts(data['absent']) }
}
