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

  async take(bytes: number, signal: AbortSignal): Promise<number> {
    const taken = Math.min(bytes, this.total)
    if (this.waiting.length === 0 && taken <= this.free) {
      this.free -= taken
      return taken
    }
    return new Promise(resolve => {
      const place = { bytes: taken, admit: () => resolve(taken) }
      this.waiting.push(place)
      signal.addEventListener('abort', () => {
        const at = this.waiting.indexOf(place)
        if (at < 0) return
        this.waiting.splice(at, 1)
        resolve(0)
        this.admit()
      })
    })
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
