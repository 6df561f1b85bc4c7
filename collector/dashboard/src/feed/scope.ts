// The part of the fleet that a page looks at: what the socket sends and the lists hold is confined to it.

export type Scope =
  | { readonly kind: 'fleet' }
  | { readonly kind: 'hosts'; readonly hosts: readonly string[] }
  /** The host that has the GPU, once it is known which that is. */
  | { readonly kind: 'gpu'; readonly uuid: string }

export const WHOLE_FLEET: Scope = { kind: 'fleet' }

export function hostsScope(hosts: readonly string[]): Scope {
  return hosts.length === 0 ? WHOLE_FLEET : { kind: 'hosts', hosts }
}

export function sameScope(a: Scope, b: Scope): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
