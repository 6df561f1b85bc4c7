// Puts the page into its element.
import { render } from 'preact'

const root = document.getElementById('app')
if (root) render(<h1>gpufleet</h1>, root)
