// The last hour of one metric of one GPU by the minute: filled from history, continued by live readings.

const MINUTE = 60_000
export const MINUTES = 60

interface Bucket {
  sum: number
  count: number
}

export class HourTrack {
  private readonly buckets = new Map<number, Bucket>()

  /** A bucket of history. Of two accounts of one minute, the one that saw more readings stays. */
  fill(start: number, average: number, count: number): void {
    const minute = Math.floor(start / MINUTE)
    const known = this.buckets.get(minute)
    if (known && known.count >= count) return
    this.buckets.set(minute, { sum: average * count, count })
    this.trim(minute)
  }

  /** A live reading, by the time at which it was recorded. */
  add(recordedAt: number, value: number): void {
    const minute = Math.floor(recordedAt / MINUTE)
    const bucket = this.buckets.get(minute)
    if (bucket) {
      bucket.sum += value
      bucket.count += 1
      return
    }
    this.buckets.set(minute, { sum: value, count: 1 })
    this.trim(minute)
  }

  /** The averages of the last 60 minutes up to `now`, oldest first; null where nothing was read. */
  points(now: number): (number | null)[] {
    const last = Math.floor(now / MINUTE)
    return Array.from({ length: MINUTES }, (_, position) => {
      const bucket = this.buckets.get(last - MINUTES + 1 + position)
      return bucket ? bucket.sum / bucket.count : null
    })
  }

  private trim(newest: number): void {
    if (this.buckets.size <= MINUTES) return
    let latest = newest
    for (const minute of this.buckets.keys()) latest = Math.max(latest, minute)
    for (const minute of this.buckets.keys()) if (minute <= latest - MINUTES) this.buckets.delete(minute)
  }
}
