import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { AuditFile, dayOf, forgetOld, makeFolder } from './audit-file.ts'

export interface AuditLogOptions {
  /** Of its own. */
  readonly folder: string
  /** How long a day's lines are kept after that day. */
  readonly days: number
  /** Writes this instead of a user's id; see `hashedId`. */
  readonly nameOf?: (user: string) => string
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Pick<BaseLogger, 'info' | 'error'>
}

/** A line, but for its time. */
export interface AuditEntry {
  /** Who read. */
  readonly by: string
  /** Whose data. */
  readonly users: readonly string[]
  /** Pattern of the route, such as `/v1/users/:id/features`. */
  readonly route: string
  readonly block?: string
  /** All when not given. */
  readonly fields?: readonly string[]
  /** Of the answer. */
  readonly status: number
}

const WRITE_EVERY_MS = 200
const SYNC_EVERY_MS = 1_000
/** About the memory that lines may take while the disk does not: some 50,000 of them. */
const WAITING_CHARS_MAX = 8 << 20

/**
 * Who read whose data, appended to a file of each day, `audit-2026-11-22.ndjson`, a JSON object a line. Lines are
 * written five times a second and synced once a second, beside the answers, which do not wait: a process that is
 * killed takes at most 0.2 s of them with it, a power cut 1.2 s.
 *
 * Where the disk does not take them, answers go on: an email that is being sent does not wait for a disk. 8 MiB of
 * lines are kept until it does, and of the others the log says how many there were.
 */
export class AuditLog {
  readonly #options: AuditLogOptions
  readonly #stop: () => void
  #file: AuditFile
  #waiting: string[] = []
  #waitingChars = 0
  #time = { now: Number.NaN, text: '' }
  #lost = 0
  #fault: string | undefined
  #syncedAt: number
  #unsynced = false
  #writing: Promise<void> | undefined

  /** Rejects where the folder cannot be made. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const { folder, days, clock } = options
    await makeFolder(folder)
    await forgetOld(folder, days, clock.now())
    return new AuditLog(options)
  }

  private constructor(options: AuditLogOptions) {
    const { clock, folder } = options
    this.#options = options
    this.#file = new AuditFile(folder, dayOf(clock.now()))
    this.#syncedAt = clock.elapsed()
    this.#stop = clock.every(WRITE_EVERY_MS, () => this.#write(false))
  }

  get folder(): string {
    return this.#options.folder
  }

  /** What may stand for the user in its lines. */
  namesOf(user: string): readonly string[] {
    const { nameOf } = this.#options
    return nameOf === undefined ? [user] : [user, nameOf(user)]
  }

  /** Why lines are not on the disk; `undefined` when they are. */
  get fault(): string | undefined {
    if (this.#fault === undefined) return undefined
    const lost = this.#lost === 0 ? '' : `, and ${this.#lost} are lost`
    return `the audit log cannot be written (${this.#fault}): lines wait in memory${lost}`
  }

  /** Returns at once. */
  append({ users, ...entry }: AuditEntry): void {
    const { clock, telemetry, nameOf } = this.#options
    const at = this.#timeOf(clock.now())
    const names = nameOf === undefined ? users : users.map(nameOf)
    const line = `${JSON.stringify({ at, ...entry, users: names })}\n`
    if (this.#waitingChars + line.length > WAITING_CHARS_MAX) {
      this.#lost++
      telemetry.add('millrace_audit_lines', 1, { outcome: 'lost' })
      return
    }
    this.#waiting.push(line)
    this.#waitingChars += line.length
  }

  /** Many lines are of one millisecond. */
  #timeOf(now: number): string {
    if (now !== this.#time.now) this.#time = { now, text: new Date(now).toISOString() }
    return this.#time.text
  }

  /** Brings all that waits to the file; what it cannot, `fault` tells. */
  flush(): Promise<void> {
    return this.#write(true)
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#write(true)
    await this.#file.close()
  }

  async #write(all: boolean): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    this.#writing = this.#writeOnce(all).finally(() => {
      this.#writing = undefined
    })
    await this.#writing
  }

  async #writeOnce(all: boolean): Promise<void> {
    try {
      await this.#turnPage()
      if (this.#file.behind) await this.#file.append('')
      if (this.#waiting.length > 0) await this.#append()
      await this.#sync(all)
      if (this.#fault !== undefined) this.#options.logger.info('the audit log is written again')
      this.#fault = undefined
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (this.#fault === undefined)
        this.#options.logger.error(
          { reason },
          'the audit log cannot be written: answers go on, and lines wait, some 50,000 at most',
        )
      this.#fault = reason
    }
  }

  async #append(): Promise<void> {
    const { telemetry } = this.#options
    const lines = this.#waiting
    this.#waiting = []
    this.#waitingChars = 0
    if (this.#lost > 0) lines.push(this.#gap())
    telemetry.add('millrace_audit_lines', lines.length, { outcome: 'written' })
    this.#unsynced = true
    // What it cannot write now it keeps, so nothing is handed over twice.
    await this.#file.append(lines.join(''))
  }

  /** A line that says that others are missing. */
  #gap(): string {
    const lost = this.#lost
    this.#lost = 0
    return `${JSON.stringify({ at: new Date(this.#options.clock.now()).toISOString(), lost })}\n`
  }

  async #sync(all: boolean): Promise<void> {
    const now = this.#options.clock.elapsed()
    if (!this.#unsynced || (!all && now - this.#syncedAt < SYNC_EVERY_MS)) return
    await this.#file.sync()
    this.#unsynced = false
    this.#syncedAt = now
  }

  async #turnPage(): Promise<void> {
    const { clock, folder, days } = this.#options
    const day = dayOf(clock.now())
    if (day === this.#file.day || this.#file.behind) return
    await this.#file.close()
    this.#file = new AuditFile(folder, day)
    await forgetOld(folder, days, clock.now())
  }
}
