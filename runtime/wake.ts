/** What one loop waits for between two rounds: that anybody says that there may be something to do. */
export class Wake {
  #resolve: (() => void) | undefined

  /** Ends the wait; without one it does nothing. */
  now(): void {
    this.#resolve?.()
    this.#resolve = undefined
  }

  wait(): Promise<void> {
    return new Promise(resolve => {
      this.#resolve = resolve
    })
  }
}
