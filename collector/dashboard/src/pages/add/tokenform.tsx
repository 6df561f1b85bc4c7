// For which hosts a token is to be, and for how long.
import { useSignal } from '@preact/signals'
import { ApiError } from '../../feed/api'
import { makeToken } from '../../feed/tokens'
import { WarningIcon } from '../../view/parts/icons'
import { Select } from '../../view/parts/select'

const LIVES = [
  { value: '1', title: 'a day' },
  { value: '30', title: '30 days' },
  { value: '90', title: '90 days' },
  { value: '365', title: 'a year' },
]

export function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const days = useSignal('365')
  const refusal = useSignal<string | null>(null)
  const isBusy = useSignal(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const hosts = new FormData(event.currentTarget as HTMLFormElement).get('hosts')
    isBusy.value = true
    refusal.value = null
    try {
      onToken(await makeToken((input, init) => fetch(input, init), { hosts: String(hosts ?? ''), days: Number(days.value) }))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      refusal.value = error.problem.detail ?? error.problem.title
    } finally {
      isBusy.value = false
    }
  }
  return (
    <form class="add-form" onSubmit={(event) => void submit(event)}>
      <label class="add-field">
        Hosts that may use it
        <input type="text" name="hosts" placeholder="any, or as gpu-*, node-?" autocomplete="off" spellcheck={false} data-testid="token-hosts" />
      </label>
      <Select label="Valid for" testid="token-days" value={days.value} onChoose={(chosen) => (days.value = chosen)}>{LIVES}</Select>
      <button class="button" type="submit" disabled={isBusy.value} data-testid="make-token">Make a token</button>
      {refusal.value !== null && (
        <p class="login-refusal" role="alert">
          <WarningIcon /> {refusal.value}
        </p>
      )}
    </form>
  )
}
