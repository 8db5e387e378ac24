/** A record on its way out. Strings are written as UTF-8. */
export interface OutgoingRecord {
  readonly key: Uint8Array | string | null
  readonly value: Uint8Array | string | null
  readonly headers?: readonly (readonly [name: string, value: Uint8Array | string])[]
  /** Epoch ms; the time of encoding when left out. Never a past time: retention goes by it. */
  readonly timestamp?: number
}
