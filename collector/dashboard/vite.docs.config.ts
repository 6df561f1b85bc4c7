// Builds the page of the API into the collector's package, beside the dashboard and under the same content policy.
import { defineConfig } from 'vite'

export default defineConfig({
  root: 'docs',
  base: '/api/docs/',
  publicDir: false,
  build: {
    outDir: '../../gpufleet_collector/web/docs_static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    license: { fileName: 'licences.txt' },
  },
})
