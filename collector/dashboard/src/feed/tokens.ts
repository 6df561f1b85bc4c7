// A fresh token for a host that is to be added.
import { isObject, text } from '../model/json'
import { ApiError } from './api'
import { readProblem } from './messages'

const PATIENCE_MS = 10_000

export interface TokenOrder {
  readonly hosts: string
  readonly days: number
}

/** Raises ApiError. */
export async function makeToken(fetcher: typeof fetch, { hosts, days }: TokenOrder): Promise<string> {
  const body = JSON.stringify({ role: 'agent', name: 'added on the page', days, ...(hosts.trim() === '' ? {} : { hosts: hosts.trim() }) })
  const answer = await sent(fetcher, body)
  const said: unknown = await answer.json().catch(() => null)
  const token = isObject(said) ? text(said['token']) : null
  if (!answer.ok || token === null) throw new ApiError(answer.status, readProblem(said))
  return token
}

async function sent(fetcher: typeof fetch, body: string): Promise<Response> {
  try {
    return await fetcher('/api/v1/tokens', { method: 'POST', signal: AbortSignal.timeout(PATIENCE_MS), headers: { 'content-type': 'application/json' }, body })
  } catch (error) {
    const detail = error instanceof Error ? error.message : null
    throw new ApiError(0, { title: 'The collector does not answer', detail, parameter: null })
  }
}
