// What this browser remembers for us, where it may.
export function storage(): Storage | null {
  try {
    return window.localStorage
  } catch (error) {
    // Browsers may forbid storage; the theme is then not remembered.
    if (error instanceof DOMException) return null
    throw error
  }
}
