import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { readAudit } from '../serve/audit-reader.ts'
import { entriesOf, isGone } from './entries-of.ts'
import type { Looked } from './erasure-check.ts'

/** What lies on this machine below `--data`: spools of collect, what it has set aside, and audit logs of serve. */
export async function lookHere(data: string, names: readonly string[]): Promise<Looked[]> {
  return [...(await lookInSpools(data, names)), ...(await lookInAudits(data, names))]
}

/** Folders `audit` of all that serves here. */
export async function auditFolders(data: string): Promise<string[]> {
  const folders: string[] = []
  for (const job of await entriesOf(join(data, 'serve')))
    for (const instance of await entriesOf(join(data, 'serve', job)))
      folders.push(join(data, 'serve', job, instance, 'audit'))
  return folders
}

async function lookInSpools(data: string, names: readonly string[]): Promise<Looked[]> {
  const found: Looked[] = []
  for (const instance of await entriesOf(join(data, 'collect'))) {
    for (const [name, what] of Object.entries(keptByCollect)) {
      const folder = join(data, 'collect', instance, name)
      let holds = 0
      for (const file of await entriesOf(folder))
        if (await fileHolds(join(folder, file), names)) holds++
      const finding = holds === 0 ? 'nothing' : `${holds} files may hold something, ${what}`
      found.push({ place: folder, finding, ok: holds === 0 })
    }
  }
  return found
}

/** Folders of a collector, and what is to be done about what they hold. */
const keptByCollect = {
  spool: 'which comes after the erasure once the brokers take it: erase again then',
  refused: 'which no topic took: remove that folder while its collector does not run',
}

async function lookInAudits(data: string, names: readonly string[]): Promise<Looked[]> {
  const found: Looked[] = []
  for (const folder of await auditFolders(data)) {
    let lines = 0
    for await (const _ of readAudit(folder, { names })) lines++
    const finding = `${lines} lines say who read his data (with --audit-ids hashed they are not found by his id)`
    found.push({ place: folder, finding, ok: true })
  }
  return found
}

/** Whether a file has a name's bytes; it is read in pieces, which overlap. */
async function fileHolds(path: string, names: readonly string[]): Promise<boolean> {
  const wanted = names.map(name => Buffer.from(name))
  const overlap = Math.max(0, ...wanted.map(({ length }) => length)) - 1
  let rest = Buffer.alloc(0)
  try {
    for await (const piece of createReadStream(path)) {
      const bytes = Buffer.concat([rest, piece as Buffer])
      if (wanted.some(name => bytes.includes(name))) return true
      rest = bytes.subarray(Math.max(0, bytes.length - overlap))
    }
  } catch (error) {
    if (!isGone(error)) throw error // drained meanwhile
  }
  return false
}
