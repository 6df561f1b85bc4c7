// Where the page would be for those who have a token: one field for it, and how to get one.
import { useEffect, useRef } from 'preact/hooks'
import { usePage } from '../context'
import { WarningIcon } from '../parts/icons'

export function Login() {
  const { access } = usePage()
  const input = useRef<HTMLInputElement>(null)
  const refusal = access.refusal.value
  useEffect(() => {
    document.title = 'Log in · gpufleet'
    input.current?.focus()
  }, [])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void access.logIn(input.current?.value ?? '')
  }
  return (
    <form class="login panel" onSubmit={submit} data-testid="login">
      <h1 class="login-title">This collector wants a token</h1>
      <p class="login-words">One of a viewer or an admin. It stays in this browser, where no script can read it, until it ends or you log out.</p>
      <label class="login-field">
        Token
        <input
          ref={input}
          type="password"
          name="token"
          autocomplete="current-password"
          spellcheck={false}
          required
          aria-invalid={refusal !== null}
          {...(refusal === null ? {} : { 'aria-describedby': 'login-refusal' })}
          data-testid="token"
        />
      </label>
      {refusal !== null && (
        <p class="login-refusal" id="login-refusal" role="alert">
          <WarningIcon /> {refusal.detail ?? refusal.title}
        </p>
      )}
      <button class="button login-button" type="submit" disabled={access.isBusy.value}>Log in</button>
      <p class="login-words">
        Whoever runs the collector makes one: <code>gpufleet-collector token create --role viewer</code>
      </p>
    </form>
  )
}
