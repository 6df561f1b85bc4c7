// What stands where data will stand: still loading, nothing there, or not to be had. One look for all pages.
import type { ComponentChildren } from 'preact'
import type { ApiError } from '../../feed/api'
import { WarningIcon } from './icons'

interface LoadingProps {
  /** What is loading, in words. */
  readonly what: string
  /** How tall the part will be: with it nothing moves when it comes. */
  readonly size?: 'page' | 'panel' | 'line'
}

export function Loading({ what, size = 'page' }: LoadingProps) {
  return (
    <div class={`loading loading-${size}`} role="status" data-testid="loading">
      <span class="hidden">Loading the {what}</span>
      <div class="ghost" aria-hidden="true" />
      {size === 'page' && <div class="ghost ghost-tall" aria-hidden="true" />}
    </div>
  )
}

interface EmptyProps {
  readonly title: string
  readonly children?: ComponentChildren
  readonly testid?: string
  readonly isAlert?: boolean
}

/** A whole page without anything. */
export function Empty({ title, children, testid = 'empty', isAlert = false }: EmptyProps) {
  return (
    <div class="empty" data-testid={testid} {...(isAlert ? { role: 'alert' } : {})}>
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** A part of a page without anything. */
export function Nothing({ children }: { readonly children: ComponentChildren }) {
  return <p class="nothing">{children}</p>
}

interface FailedProps {
  /** What could not be loaded, as a sentence begins. */
  readonly what: string
  readonly failure: ApiError
  readonly again: () => void
  /** What is below is from before. */
  readonly isOld?: boolean
}

/** A part of a page that the collector did not answer. */
export function Failed({ what, failure, again, isOld = false }: FailedProps) {
  const { title, detail } = failure.problem
  return (
    <div class="failed" role="alert" data-testid="part-failed">
      <WarningIcon />
      <p>
        <strong>{what} could not be loaded{isOld && ' anew'}.</strong> {failure.status === 0 ? `${title}.` : (detail ?? title)}
      </p>
      <button class="button" type="button" onClick={again}>Try again</button>
    </div>
  )
}
