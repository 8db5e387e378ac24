import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { assert, rejects, skip, suite } from '../harness.ts'
import { freePort, MillraceProcess } from '../harness-process.ts'
import { brokerKilledCase, type MortalBroker } from '../recovery/broker-killed-case.ts'
import { RetailWorld } from '../retail/retail-world.ts'
import { writeShop } from '../retail/shop.ts'
import { mountSmallDisk } from '../small-disk.ts'

const test = suite('the embedded broker in trouble', { timeoutMs: 150_000 })
let folder = ''
let csv = ''
let port = 0

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-broker-faults-'))
  csv = join(folder, 'shop.csv.gz')
  await writeShop(csv, { seed: 22, lines: 8_000, customers: 400 })
  port = await freePort()
})
test.after(() => rm(folder, { recursive: true }))

brokerKilledCase(test, killable, () => csv)

async function killable(): Promise<MortalBroker> {
  const data = join(folder, 'killed')
  const flags = ['--data', data, '--port', String(port), '--http-port', '0']
  const broker = new MillraceProcess(['broker', ...flags])
  await broker.ready()
  return { address: `127.0.0.1:${port}`, kill: () => broker.kill() }
}

test('a disk that fills up below it makes it refuse writes with a reason, and spoils nothing', async () => {
  const disk = mountSmallDisk(48)
  if (typeof disk === 'string') skip(disk)
  const lines: string[] = []
  const start = (on = 0) =>
    startBroker({ folder: disk.folder, port: on, log: ({ message }) => lines.push(message) })
  let broker: Broker = await start()
  const world = await RetailWorld.open(broker.address, csv)
  const part = world.lines / 5
  try {
    const before = await world.start()
    await world.send(part)
    await world.hasCommitted(world.sent)
    await world.stop(before)
    await world.send(part)
    disk.fill()
    // One line at a time: a request to one partition is taken whole or not at all.
    const refused = await rejects(async () => {
      for (let line = 0; line < 500; line++) await world.send(1)
    })
    assert.match(refused.message, /disk/i)
    const job = await world.start()
    const told = () => world.logged.some(line => /disk/i.test(line))
    await world.until(told, 'the job says that the broker has no disk')
    await disk.empty()
    await world.send(part)
    await world.assertExact()
    assert.equal(world.fatal, [])

    await world.stop(job)
    await broker.close()
    lines.length = 0
    broker = await start(broker.port)
    assert.equal(
      lines.filter(line => /cut off|problem/.test(line)),
      [],
      'the broker found something spoilt',
    )
    await world.start()
    await world.send(world.lines - world.sent)
    await world.assertExact()
  } finally {
    await world.close()
    await broker.close()
    disk.unmount()
  }
})

test.run()
