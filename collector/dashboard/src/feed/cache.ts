// Answers that were asked for before, for a while: going back to a page shows at once what it showed. The least used goes first.

interface Kept<T> {
  readonly value: T
  readonly at: number
}

export class Cache<T> {
  private readonly kept = new Map<string, Kept<T>>()

  constructor(
    private readonly most: number,
    private readonly lifetime: number,
    private readonly now: () => number,
  ) {}

  get(key: string): T | undefined {
    const found = this.kept.get(key)
    if (found === undefined) return undefined
    this.kept.delete(key)
    if (this.now() - found.at >= this.lifetime) return undefined
    this.kept.set(key, found)
    return found.value
  }

  put(key: string, value: T): void {
    this.kept.delete(key)
    this.kept.set(key, { value, at: this.now() })
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= this.most) return
      this.kept.delete(oldest)
    }
  }
}
