// Who one is to the collector, as /api/v1/session says it.
import { instant, isObject, text } from './json'

export interface AccessState {
  /** Nobody needs a token here. */
  readonly isOpen: boolean
  /** The operator let the collector be reached over a network without TLS and tokens. */
  readonly isInsecure: boolean
  /** How agents connect, as far as the collector knows: `grpcs` and 50051. */
  readonly agents: { readonly scheme: string; readonly port: number }
  /** `viewer` or `admin`; null without a token that may read. */
  readonly role: string | null
  readonly name: string | null
  /** Milliseconds; null is never. */
  readonly expiresAt: number | null
}

/** Null when it is not what a session is. */
export function readAccess(data: unknown): AccessState | null {
  if (!isObject(data) || typeof data['open'] !== 'boolean') return null
  return {
    isOpen: data['open'],
    isInsecure: data['insecure'] === true,
    agents: readAgents(text(data['agents']) ?? ''),
    role: text(data['role']),
    name: text(data['name']),
    expiresAt: instant(data['expires_at']),
  }
}

function readAgents(written: string): AccessState['agents'] {
  const [, scheme, port] = /^(grpcs?):(\d{1,5})$/.exec(written) ?? []
  return { scheme: scheme ?? 'grpc', port: Number(port ?? 50_051) || 50_051 }
}

export function mayRead({ isOpen, role }: AccessState): boolean {
  return isOpen || role !== null
}

export function mayAdminister({ role }: AccessState): boolean {
  return role === 'admin'
}
