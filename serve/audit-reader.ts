import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { auditFiles, dayOf } from './audit-file.ts'
import type { AuditEntry } from './audit-log.ts'

/** A read, or how many are missing there since the disk did not take them. */
export type AuditLine = { readonly at: string } & (AuditEntry | { readonly lost: number })

export interface AuditQuery {
  /** Only what was read of somebody with one of these names: his id, and what stands for it. */
  readonly names?: readonly string[]
  /** Epoch ms; from the first line when not given. */
  readonly since?: number
  /** Epoch ms; to the last line when not given. */
  readonly until?: number
}

/** A line is written up to a minute after its read, on a disk that hangs even later: the day before is looked at, too. */
const DAY_MS = 86_400_000

/**
 * The lines of an audit log, oldest first, each read from the disk as it is asked for. Lines that are missing are in
 * every answer; what is no line (the end of one, after a kill) in none.
 */
export async function* readAudit(
  folder: string,
  { names, since = 0, until = Number.POSITIVE_INFINITY }: AuditQuery,
): AsyncGenerator<AuditLine> {
  for (const { day, path } of await auditFiles(folder)) {
    if (day < dayOf(Math.max(0, since - DAY_MS))) continue
    const file = createReadStream(path, 'utf8')
    try {
      for await (const text of createInterface({
        input: file,
        crlfDelay: Number.POSITIVE_INFINITY,
      })) {
        const line = lineOf(text)
        if (line === undefined) continue
        const at = Date.parse(line.at)
        if (at < since || at > until) continue
        if (names === undefined || 'lost' in line || line.users.some(user => names.includes(user)))
          yield line
      }
    } finally {
      file.destroy()
    }
  }
}

function lineOf(text: string): AuditLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<AuditEntry> & { at?: unknown; lost?: unknown }
    const whole = Array.isArray(line?.users) || typeof line?.lost === 'number'
    return whole && typeof line.at === 'string' ? (line as AuditLine) : undefined
  } catch {
    return undefined // the end of one, after a kill
  }
}
