import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'
import { inWorld, row, sidecarCases } from './sidecar-cases.ts'

const test = suite('sidecar on the embedded broker')
let folder = ''
let broker: Broker

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  broker = await startBroker({ folder })
})

test.after(async () => {
  await broker.close()
  await rm(folder, { recursive: true, force: true })
})

sidecarCases(test, () => broker.address)

test('while the broker is away it answers, stale and ever older; when it is back, live', () =>
  inWorld(
    broker.address,
    async world => {
      await world.commit([row('anna', 1)])
      await world.start()
      await world.untilReady()
      const { port } = broker
      await broker.close()
      await world.until(async () => (await world.ask('anna')).body.source === 'stale')
      const first = await world.ask('anna')
      assert.is(first.body.features.orders, 1)
      assert.ok(first.body.ageMs > 400, `${first.body.ageMs} ms`)
      await systemClock.sleep(300)
      const second = await world.ask('anna')
      assert.ok(second.body.ageMs >= first.body.ageMs + 290, `${second.body.ageMs} ms`)
      assert.ok(world.ready)

      await world.stop() // and once more, from nothing but its folder
      await world.start()
      const third = await world.ask('anna')
      assert.is(third.body.source, 'stale')
      assert.ok(third.body.ageMs >= second.body.ageMs, `${third.body.ageMs} ms`)
      assert.not.ok(world.ready)

      broker = await startBroker({ folder, port })
      await world.commit([row('anna', 2)])
      await world.until(async () => (await world.orders('anna')) === 2)
      await world.until(async () => (await world.ask('anna')).body.source === 'live')
      assert.ok(world.ready)
      assert.is(world.applied, 2)
    },
    { staleMs: 400 },
  ))

test.run()
