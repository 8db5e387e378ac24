import { systemClock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { AuditLog } from '../../serve/audit-log.ts'
import { readAudit } from '../../serve/audit-reader.ts'
import { assert, suite } from '../harness.ts'
import { mountSmallDisk } from '../small-disk.ts'

const test = suite('the audit log of several workers')

const logger = { info: () => undefined, error: () => undefined }
const openLog = (folder: string) =>
  AuditLog.open({ folder, days: 3, clock: systemClock, telemetry: noTelemetry, logger })
const entryOf = (user: string) => ({ by: 'braze', users: [user], route: '/x', status: 200 })

test('is one file for several workers, with whole lines, also where a full disk cut some off', async () => {
  const disk = mountSmallDisk(2)
  if (typeof disk === 'string') return
  const workers = [await openLog(disk.folder), await openLog(disk.folder)]
  const read = async (worker: number, from: number, count: number) => {
    for (let at = from; at < from + count; at++) workers[worker]?.append(entryOf(`${worker}-${at}`))
    await workers[worker]?.flush()
  }
  try {
    await Promise.all([read(0, 0, 500), read(1, 0, 500)])
    disk.fill()
    await Promise.all([read(0, 500, 500), read(1, 500, 500)])
    assert.match(workers[0]?.fault ?? '', /ENOSPC/)
    await disk.empty()
    await Promise.all([read(1, 1_000, 500), read(0, 1_000, 500)])
    const users: string[] = []
    for await (const line of readAudit(disk.folder, {}))
      if ('users' in line) users.push(...line.users)
    assert.is(new Set(users).size, 3_000)
    assert.is(users.length, 3_000)
  } finally {
    for (const worker of workers) await worker.close()
    disk.unmount()
  }
})

test.run()
