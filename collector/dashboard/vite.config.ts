// Builds the page into the collector's package; under the page's content policy nothing may be inlined.
import { defineConfig, type Plugin } from 'vite'

const COLLECTOR = '127.0.0.1:8080'

/** What all pages together cost to load; a test holds it to its budget. */
function saySize(): Plugin {
  return {
    name: 'say-size',
    async writeBundle(_, bundle) {
      const scripts = Object.values(bundle).filter((file) => file.type === 'chunk')
      const sizes = await Promise.all(scripts.map(({ code }) => gzippedBytes(code)))
      const bytes = sizes.reduce((sum, size) => sum + size, 0)
      console.info(`JavaScript: ${(bytes / 1024).toFixed(1)} KiB gzipped in ${scripts.length} files`)
    },
  }
}

async function gzippedBytes(code: string): Promise<number> {
  const gzipped = new Blob([code]).stream().pipeThrough(new CompressionStream('gzip'))
  return (await new Response(gzipped).arrayBuffer()).byteLength
}

/** The code of a page is named like the page. */
function chunkName(chunk: { readonly facadeModuleId: string | null }): string {
  const page = /\/pages\/(\w+)\/page\.tsx$/.exec(chunk.facadeModuleId ?? '')?.[1]
  return `assets/${page ?? '[name]'}-[hash].js`
}

export default defineConfig({
  base: '/',
  plugins: [saySize()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../gpufleet_collector/web/static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    // One sheet: a page's own, once it did not come, would not be asked for again when the page's code is.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { chunkFileNames: chunkName } },
    license: { fileName: 'licences.txt' },
  },
  server: {
    proxy: {
      '/api': `http://${COLLECTOR}`,
      '/ws': { target: `ws://${COLLECTOR}`, ws: true },
    },
  },
})
