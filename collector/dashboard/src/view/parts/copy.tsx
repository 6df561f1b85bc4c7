// Puts a text on the clipboard, where the browser lets the page.
import { useSignal } from '@preact/signals'
import { CopyIcon } from './icons'

export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const isCopied = useSignal(false)
  // Browsers offer the clipboard only to pages from a secure or local address.
  if (!window.isSecureContext) return null
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    isCopied.value = true
  }
  return (
    <button class="icon-button icon-button-small" type="button" aria-label={`Copy ${what}`} data-tip={`Copy ${what}`} onClick={() => void copy()}>
      {isCopied.value ? <span class="copied">Copied</span> : <CopyIcon />}
    </button>
  )
}
