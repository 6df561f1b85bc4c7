// `?`: every key that means something here.
import { useEffect, useRef } from 'preact/hooks'
import { usePage } from '../context'
import { CloseIcon } from '../parts/icons'
import { useGlobalKeys } from './globalkeys'

export function HelpDialog() {
  const { keys } = usePage()
  const dialog = useRef<HTMLDialogElement>(null)
  useGlobalKeys(() => dialog.current?.showModal())
  useEffect(() => {
    const node = dialog.current
    // A click beside the dialog is one on its backdrop, which is the dialog itself.
    const closeOnBackdrop = (event: MouseEvent) => event.target === node && node?.close()
    node?.addEventListener('click', closeOnBackdrop)
    return () => node?.removeEventListener('click', closeOnBackdrop)
  }, [])
  const close = () => dialog.current?.close()
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" data-testid="help">
      <div class="help-body">
        <header class="help-head">
          <h2 id="help-title">Keyboard</h2>
          <button class="icon-button" type="button" aria-label="Close" onClick={close}>
            <CloseIcon />
          </button>
        </header>
        <div class="help-groups">
          {keys.groups.value.map((group) => (
            <section key={group.title}>
              <h3>{group.title}</h3>
              <dl>
                {group.bindings.map(({ keys: own, help }) => (
                  <div class="help-line" key={own}>
                    <dt>{own.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt>
                    <dd>{help}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </dialog>
  )
}
