// A slim bar under a number; decoration only, the number says it.

interface BarProps {
  /** 0 to 1; null draws an empty, dashed track. */
  readonly share: number | null
  readonly kind: string
}

export function Bar({ share, kind }: BarProps) {
  if (share === null) return <span class="bar bar-absent" aria-hidden="true" />
  const filled = Math.min(1, Math.max(0, share))
  return (
    <span class={`bar bar-${kind}`} aria-hidden="true">
      <span class="bar-fill" style={{ transform: `scaleX(${filled.toFixed(3)})` }} />
    </span>
  )
}

export function shareOf(value: number | null, whole: number | null): number | null {
  return value === null || whole === null || whole <= 0 ? null : value / whole
}
