import { expect, test } from 'vitest'
import { pathOf, routeOf } from '../../src/address/routes'

const NAMES = [
  'gpu-01.example',
  '.',
  '..',
  '~',
  '~~x',
  '../../etc/passwd',
  'a/b?c#d%41',
  '<img src=x onerror=alert(1)>',
  'مضيف 🖥️',
  ' two  spaces ',
  'x'.repeat(200),
]

test.each(NAMES)('a host named %j is found at its own address', (name) => {
  const url = new URL(pathOf('host', name), 'http://gpufleet.example')
  expect(routeOf(url.pathname)).toEqual({ page: 'host', subject: name })
  expect([url.search, url.hash]).toEqual(['', ''])
})

test('half a character is replaced rather than breaking every link', () => {
  expect(routeOf(pathOf('host', 'a\ud800b'))).toEqual({ page: 'host', subject: 'a\ufffdb' })
})

test('the fleet is at the root, a GPU at its UUID', () => {
  expect(routeOf('/')).toEqual({ page: 'fleet', subject: '' })
  expect(pathOf('gpu', 'GPU-1')).toBe('/gpus/GPU-1')
})

test('a proxy that decodes slashes does no harm', () => {
  expect(routeOf('/hosts/rack/1')).toEqual({ page: 'host', subject: 'rack/1' })
})

test.each(['/hosts/', '/hosts', '/gpus/', '/nothing', '/hosts/%E0%A4%A'])('there is no page at %s', (path) => {
  expect(routeOf(path).page).toBe('nowhere')
})
