/**
 * Lets requests in only while the memory for them is there. Who asks first is served first, so that a large one
 * is not starved by small ones; one that is larger than all there is gets everything.
 */
export class MemoryBudget {
  private readonly total: number
  private free: number
  private readonly waiting: { readonly bytes: number; readonly admit: () => void }[] = []

  constructor(bytes: number) {
    this.total = bytes
    this.free = bytes
  }

  /** How much was taken, to be given back; 0 when `signal` was aborted before there was enough. */
  async take(bytes: number, signal: AbortSignal): Promise<number> {
    const taken = Math.min(bytes, this.total)
    if (this.waiting.length === 0 && taken <= this.free) {
      this.free -= taken
      return taken
    }
    return new Promise(resolve => {
      const giveUp = () => {
        this.waiting.splice(this.waiting.indexOf(place), 1)
        resolve(0)
        this.admit()
      }
      const admit = () => {
        signal.removeEventListener('abort', giveUp)
        resolve(taken)
      }
      const place = { bytes: taken, admit }
      this.waiting.push(place)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** What is left; nothing when more was taken than there was. */
  get left(): number {
    return Math.max(0, this.free)
  }

  /** Takes it at once, also where it is not there; to be given back all the same. */
  takeNow(bytes: number): void {
    this.free -= bytes
  }

  give(bytes: number): void {
    this.free += bytes
    this.admit()
  }

  private admit(): void {
    for (
      let next = this.waiting[0];
      next !== undefined && next.bytes <= this.free;
      next = this.waiting[0]
    ) {
      this.waiting.shift()
      this.free -= next.bytes
      next.admit()
    }
  }
}
