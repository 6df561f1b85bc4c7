// What somebody is to type elsewhere, ready to be copied; of several lines as a block.
import { useSignal } from '@preact/signals'
import { CopyIcon } from './icons'

export function Command({ text, testid }: { readonly text: string; readonly testid?: string }) {
  const isCopied = useSignal(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    isCopied.value = true
  }
  return (
    <div class="command" {...(testid ? { 'data-testid': testid } : {})}>
      <code>{text}</code>
      {/* Browsers offer the clipboard only to pages from a secure or local address. */}
      {window.isSecureContext && (
        <button class="icon-button" type="button" aria-label={`Copy ${text.split('\n')[0] ?? ''}`} onClick={() => void copy()}>
          {isCopied.value ? <span class="copied">Copied</span> : <CopyIcon />}
        </button>
      )}
    </div>
  )
}
