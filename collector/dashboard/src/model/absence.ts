// Why a value is not there, in words: an absent value is never drawn as zero.

const REASONS: Readonly<Record<string, string>> = {
  NOT_SUPPORTED: 'This GPU does not offer it.',
  NO_PERMISSION: 'The agent is not permitted to read it.',
  NAMESPACE: 'The agent’s PID namespace hides it.',
  BACKEND: 'The agent’s backend or driver cannot read it.',
  MIG: 'Not offered while MIG is on, or for an instance.',
  LOST: 'The GPU is lost.',
  HUNG: 'The driver hangs on this GPU.',
  SUSPENDED: 'The GPU is suspended.',
  ERROR: 'Reading it failed.',
}

const NOT_REPORTED = 'Not in the latest reading.'
const NEVER_READ = 'No reading has arrived yet.'

/** `reason` is the name on the wire, in any case; `wasRead` whether the GPU has ever been read. */
export function absenceText(reason: string | null | undefined, wasRead: boolean): string {
  if (reason) return REASONS[reason.toUpperCase()] ?? wordedReason(reason)
  return wasRead ? NOT_REPORTED : NEVER_READ
}

function wordedReason(reason: string): string {
  const words = reason.toLowerCase().replaceAll('_', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}
