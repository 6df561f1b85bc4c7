import { expect, test } from 'vitest'
import { Access } from '../../src/state/access'

const OPEN = { open: true, insecure: false, role: null, name: null, expires_at: null }
const CLOSED = { ...OPEN, open: false }
const VIEWER = { ...CLOSED, role: 'viewer', name: 'on-call', expires_at: '2026-01-01T00:00:00Z' }

/** A collector that knows one token, and what the page did. */
class Bench {
  said: object = CLOSED
  status = 200
  isReachable = true
  done: string[] = []
  readonly access = new Access({
    fetch: (_, init) => this.answer(init),
    begin: () => this.done.push('begin'),
    end: () => this.done.push('end'),
    reload: () => this.done.push('reload'),
  })

  private answer(init: RequestInit | undefined): Promise<Response> {
    if (!this.isReachable) return Promise.reject(new TypeError('no network'))
    if (init?.method === 'POST') {
      const { token } = JSON.parse(String(init.body)) as { token: string }
      if (token !== 'good') return Promise.resolve(Response.json({ title: 'Unauthorized', detail: 'this token is not valid' }, { status: 401 }))
      return Promise.resolve(Response.json(VIEWER))
    }
    return Promise.resolve(Response.json(this.said, { status: this.status }))
  }
}

test('where everything is open the page begins, and says so', async () => {
  const bench = new Bench()
  bench.said = OPEN
  await bench.access.ask()
  expect(bench.done).toEqual(['begin'])
  expect(bench.access.isDenied).toBe(false)
})

test('without a token nothing is asked but the token', async () => {
  const bench = new Bench()
  await bench.access.ask()
  expect(bench.done).toEqual([])
  expect(bench.access.isDenied).toBe(true)
})

test('a collector that does not answer is for the page to wait for', async () => {
  const bench = new Bench()
  bench.isReachable = false
  await bench.access.ask()
  expect(bench.done).toEqual(['begin'])
})

test('an older collector that knows of no sessions is open', async () => {
  const bench = new Bench()
  bench.status = 404
  await bench.access.ask()
  expect(bench.done).toEqual(['begin'])
})

test('a wrong token is said to be none, in the words of the collector; a right one begins anew', async () => {
  const bench = new Bench()
  await bench.access.ask()
  await bench.access.logIn('bad')
  expect(bench.access.refusal.value?.detail).toBe('this token is not valid')
  await bench.access.logIn('  good ')
  expect(bench.done).toEqual(['reload'])
  expect(bench.access.refusal.value).toBeNull()
})

test('a token that is revoked while one looks ends the page until there is another', async () => {
  const bench = new Bench()
  bench.said = VIEWER
  await bench.access.ask()
  bench.said = CLOSED
  await bench.access.ask()
  expect(bench.done).toEqual(['begin', 'end'])
  expect(bench.access.isDenied).toBe(true)
})

test('who logs out is out', async () => {
  const bench = new Bench()
  bench.said = VIEWER
  await bench.access.ask()
  await bench.access.logOut()
  expect(bench.done).toEqual(['begin', 'reload'])
})

test('a login that does not reach the collector says so', async () => {
  const bench = new Bench()
  bench.isReachable = false
  await bench.access.logIn('good')
  expect(bench.access.refusal.value?.title).toBe('The collector does not answer')
})
