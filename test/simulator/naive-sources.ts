import type { StoredRecord } from './sim-partition.ts'

interface Arrival {
  readonly source: string
  /** Epoch ms. */
  readonly appendedAt: number
  /** The source's own watermark after it, where it was an event that counts. */
  readonly time: number | undefined
}

/** As a receiver says it: whose partition brings nothing for so long is idle. */
const IDLE_MS = 10_000

/** What an input is merged from, in the plainest way: everything that ever arrived is kept and looked at again. */
export class NaiveSources {
  private readonly seen = new Set<string>()
  private readonly arrivals: Arrival[] = []

  /** False for a rekeyed record that a forwarder has brought before. */
  arrives(record: StoredRecord): boolean {
    const { rekeyed } = record.headers
    if (rekeyed !== undefined && this.seen.has(rekeyed)) return false
    if (rekeyed !== undefined) this.seen.add(rekeyed)
    this.add(record, undefined)
    return true
  }

  observe(record: StoredRecord, time: number): void {
    this.add(record, time)
  }

  /** The smallest of the sources' newest times, of those that something has come from lately; never back. */
  watermark({ time: now }: StoredRecord, before: number | undefined): number | undefined {
    const awake = new Set(
      this.arrivals
        .filter(({ appendedAt }) => Math.floor(now) - appendedAt <= IDLE_MS)
        .map(({ source }) => source),
    )
    const newest = [...awake].flatMap(source => {
      const times = this.arrivals.flatMap(each => (each.source === source ? (each.time ?? []) : []))
      return times.length > 0 ? [Math.max(...times)] : []
    })
    if (newest.length === 0) return before
    return Math.max(Math.min(...newest), before ?? Number.NEGATIVE_INFINITY)
  }

  private add({ headers, time: appended }: StoredRecord, time: number | undefined): void {
    const [job, , partition] = headers.rekeyed?.split('/') ?? []
    const source = job === undefined ? 'direct' : `${job} ${partition}`
    this.arrivals.push({ source, appendedAt: Math.floor(appended), time })
  }
}
