import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { assert, rejects, skip, suite } from '../harness.ts'
import { JobWorld } from '../runtime/job-world.ts'
import { mountSmallDisk, type SmallDisk } from '../small-disk.ts'

const test = suite('a full disk', { timeoutMs: 90_000 })

let folder = ''
let disk: SmallDisk | undefined

test.before.each(async () => {
  const mounted = mountSmallDisk(16)
  if (typeof mounted === 'string') skip(mounted)
  disk = mounted
  folder = await mkdtemp(join(tmpdir(), 'millrace-disk-full-'))
})
test.after.each(async () => {
  disk?.unmount()
  disk = undefined
  await rm(folder, { recursive: true, force: true })
})

test('below the local stores, it stops the tasks with a reason; with room again they go on, exactly', async () => {
  const small = disk as SmallDisk
  const broker = await startBroker({ folder })
  const world = await JobWorld.open(broker.address, 'no-room')
  try {
    const job = await world.start({ folder: join(small.folder, 'data') })
    await world.send(...world.some(500))
    await world.settled()
    small.fill()
    const toldRoom = () => world.logged.some(line => /disk's room/.test(line))
    await world.until(async () => {
      await world.send(...world.some(500, 200))
      return toldRoom()
    }, 'the log says that a store cannot be written, and what to look at')
    await world.until(() => job.notReady().length > 0, 'the process says that it is not ready')
    await small.empty()
    await world.settled()
    await world.until(() => job.notReady().length === 0, 'the process is ready again')
    await world.assertExact()

    // Nothing in the stores is spoilt: the next process goes on with them.
    await world.stop(job)
    await world.start({ folder: join(small.folder, 'data') })
    await world.send(...world.some(500, 200))
    await world.settled()
    await world.assertExact()
    assert.equal(world.fatal, [])
  } finally {
    await world.close()
    await broker.close()
  }
})

test('below the broker, it refuses writes with a reason and keeps what it has; with room again all goes on, exactly', async () => {
  const small = disk as SmallDisk
  const lines: string[] = []
  let broker: Broker = await startBroker({
    folder: small.folder,
    log: ({ message }) => lines.push(message),
  })
  const world = await JobWorld.open(broker.address, 'no-room')
  try {
    const before = await world.start()
    await world.send(...world.some(500))
    await world.settled()
    await world.stop(before)
    await world.send(...world.some(500))
    small.fill()
    // One user at a time: a request to one partition is taken whole or not at all.
    const refused = await rejects(async () => {
      for (let index = 0; index < 200; index++)
        await world.send(...world.some(100, 1).map(event => ({ ...event, user: `u${index}` })))
    })
    assert.match(refused.message, /disk/i)
    const job = await world.start()
    await world.until(
      () => world.logged.some(line => /disk/i.test(line)),
      'the job says that the broker has no disk',
    )
    await small.empty()
    await world.send(...world.some(500))
    await world.settled()
    await world.assertExact()
    assert.equal(world.fatal, [])

    await world.stop(job)
    const { port } = broker
    await broker.close()
    lines.length = 0
    broker = await startBroker({
      folder: small.folder,
      port,
      log: ({ message }) => lines.push(message),
    })
    assert.equal(
      lines.filter(line => /cut off|problem/.test(line)),
      [],
      'the broker found something spoilt',
    )
    await world.start()
    await world.send(...world.some(500))
    await world.settled()
    await world.assertExact()
  } finally {
    await world.close()
    await broker.close()
  }
})

test.run()
