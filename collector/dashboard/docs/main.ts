// The page of the API: Swagger UI over the collector's own description, and nothing from anywhere else.
import { effect } from '@preact/signals'
import notice from 'swagger-ui-dist/NOTICE?raw'
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { storage } from '../src/state/storage'
import { ThemeState } from '../src/state/theme'

const theme = new ThemeState(document.documentElement, storage(), matchMedia('(prefers-color-scheme: dark)'))
// As the dashboard: what the person chose there, else what the system says.
effect(() => {
  document.documentElement.classList.toggle('dark-mode', theme.current.value === 'dark')
})
SwaggerUI({
  dom_id: '#docs',
  url: '/api/openapi.json',
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  supportedSubmitMethods: ['get'],
  syntaxHighlight: false,
  tryItOutEnabled: true,
})

const footer = document.querySelector('footer')
if (footer !== null) footer.textContent = notice
