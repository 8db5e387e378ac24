import { join } from 'node:path'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Log } from '../../runtime/log.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { assert, rejects, skip, suite } from '../harness.ts'
import { mountSmallDisk } from '../small-disk.ts'
import { SinkFaultWorld } from './sink-fault-world.ts'
import { withFolder } from './sink-world.ts'
import { spoolFiles } from './spool-world.ts'

const test = suite('sink, kept by its spool')
const broker = new BrokerUnderTest()
let log: Log
let topics = 0

test.before(async () => {
  await broker.start()
  log = openKafkaLog({ brokers: broker.address, clientId: 'spool-first-test', clock: systemClock })
})

test.after(async () => {
  await log.close()
  await broker.stop()
})

test('a put resolves before the brokers have it, and what they then take is on the topic once', () =>
  inWorld(async world => {
    const sink = await world.open({ acknowledgeMsMax: 60_000 })
    world.faulty.fate = 'hold'
    await world.put(sink, 10) // were it kept by the brokers, this would wait a minute
    assert.is((await world.found()).filter(({ key }) => key !== 'first').length, 0)
    world.faulty.fate = 'pass'
    while (world.spools()) await systemClock.sleep(5)
    assert.is(world.spooled, 0, 'all went from memory')
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  }))

test('what waits for brokers that are slower than events come is kept on the disk alone', () =>
  inWorld(async world => {
    const sink = await world.open({ acknowledgeMsMax: 60_000 })
    world.faulty.fate = 'hold'
    const large = () => sink.put([world.record('x'.repeat(400_000))])
    for (let count = 0; count < 60; count++) await large()
    world.faulty.fate = 'pass'
    while (world.spooled === 0) await large()
    await world.put(sink, 5)
    while (world.spools()) await systemClock.sleep(5)
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  }))

test('a put of which a send has only the first part is there once, however late that is acknowledged', () =>
  inWorld(async world => {
    const sink = await world.open({ acknowledgeMsMax: 50 })
    while (world.spools()) await systemClock.sleep(5)
    world.faulty.fate = 'hold'
    const large = (mark: string) => world.record(mark + 'x'.repeat(100_000), 'one')
    const puts = [
      ['a', 'b', 'c'],
      ['d', 'e', 'f', 'g'],
    ] // five are a send
    await Promise.all(puts.map(marks => sink.put(marks.map(large))))
    await systemClock.sleep(200)
    world.faulty.fate = 'pass'
    while (world.spools()) await systemClock.sleep(5)
    await sink.close()
    const found = (await world.found()).filter(({ key }) => key === 'one')
    assert.is(found.map(({ value }) => value?.[0]).join(''), 'abcdefg')
  }))

test('files of the spool go as the brokers take what is in them; a closed sink leaves none', () =>
  inWorld(async world => {
    const sink = await world.open({ spoolBytesMax: 400_000 })
    for (let count = 0; count < 100; count++) await sink.put([world.record('x'.repeat(20_000))])
    const files = () => spoolFiles(join(world.folder, 'spool'))
    while ((await files()).length > 1) await systemClock.sleep(5)
    await sink.close()
    assert.equal(await files(), [])
  }))

test('what the brokers have leaves the disk in a moment, and not only when its file is full', () =>
  inWorld(async world => {
    let tidy: () => void | Promise<void> = () => undefined
    const every: Clock['every'] = (_ms, tick) => {
      tidy = tick
      return () => undefined
    }
    const sink = await world.open({ clock: { ...systemClock, every } })
    await world.put(sink, 5)
    while (world.spools()) await systemClock.sleep(5)
    const files = () => spoolFiles(join(world.folder, 'spool'))
    assert.is((await files()).length, 1)
    await tidy()
    assert.equal(await files(), [])
    await world.put(sink, 5)
    await sink.close()
    await world.checkAll({ timesMax: 1 })
  }))

test('where its disk refuses, events are safe when the brokers have them', async () => {
  const disk = mountSmallDisk(4)
  if (typeof disk === 'string') return skip(disk)
  try {
    await inWorld(async world => {
      const sink = await world.open({ acknowledgeMsMax: 2_000 })
      await world.put(sink, 3)
      disk.fill()
      await world.put(sink, 3)
      world.faulty.fate = 'fail'
      await rejects(() => world.put(sink, 1), 'disk_failed')
      await disk.empty()
      world.faulty.fate = 'pass'
      await world.put(sink, 3)
      await sink.close()
      await world.checkAll({ timesMax: 2 })
    }, disk.folder)
  } finally {
    disk.unmount()
  }
})

test.run()

async function inWorld(
  body: (world: SinkFaultWorld) => Promise<void>,
  folder?: string,
): Promise<void> {
  const topic = `spool-first-${process.pid}-${topics++}`
  const world = (own: string) => new SinkFaultWorld(log, topic, own, 'spool')
  if (folder !== undefined) return body(world(folder))
  await withFolder(own => body(world(own)))
}
