import type { RekeyedEvent } from '../../jobs/job.ts'

/** What a job must have made of one partition. Offsets are the input's. */
export interface Expected {
  /** Key → its last row. */
  readonly rows: ReadonlyMap<string, ExpectedRow>
  /** Every row that a key ever had, by `rowId`; a commit may write any of them, or pass over it. */
  readonly everyRow: ReadonlyMap<string, ExpectedRow>
  /** By `triggerId`, each once. */
  readonly triggers: readonly string[]
  /** `<offset>` of each late record. */
  readonly late: readonly string[]
  /** `<offset> <code>` of each dead record, `<key> <timer> <time> <code>` of each dead timer. */
  readonly dead: readonly string[]
  readonly watermark: number | undefined
  /** `<key> <event time>` of each event absorbed. */
  readonly absorbed: readonly string[]
  /** `rekeyedId` of each event for another key, in order. */
  readonly rekeyed: readonly string[]
  /** `erasedId` of each erasure, in order. */
  readonly erased: readonly string[]
  /** Keys with a state that has no row. */
  readonly hidden: ReadonlySet<string>
}

export interface ExpectedRow {
  readonly version: readonly [offset: number, revision: number]
  readonly asOf: number
  readonly features: Readonly<Record<string, unknown>>
  readonly segments: readonly string[]
}

export const rowId = (key: string, [offset, revision]: readonly [number, number]): string =>
  `${key}@${offset}.${revision}`
export const triggerId = (name: string, key: string, time: number, reason: string): string =>
  `${name} ${key} ${time} ${reason}`

export const rekeyedId = (to: string, key: string, { type, messageId }: RekeyedEvent): string =>
  `${to} ${key} ${type} ${messageId}`

export const erasedId = (hash: string, era: number, offset: number): string =>
  `${hash} ${era} ${offset}`
