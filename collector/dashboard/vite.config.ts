// Builds the page into the collector's package; under the page's content policy nothing may be inlined.
import { defineConfig } from 'vite'

const COLLECTOR = '127.0.0.1:8080'

export default defineConfig({
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../gpufleet_collector/web/static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': `http://${COLLECTOR}`,
      '/ws': { target: `ws://${COLLECTOR}`, ws: true },
    },
  },
})
