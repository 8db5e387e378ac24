import type { JobProcess } from '../../runtime/process.ts'
import { assert, type Suite } from '../harness.ts'
import { type Api, type BrokerProxy, type Mishap, startProxy } from '../proxy.ts'
import { JobWorld } from '../runtime/job-world.ts'

const cuts: readonly Mishap[] = ['lose-request', 'lose-answer', 'half-answer']
/** The requests of a commit, in their order. */
const ofCommit: readonly Api[] = [
  'AddPartitionsToTxn',
  'Produce',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
]
const eventsAtOnce = 60

/** What becomes of a job whose connections fail, on any broker. */
export function connectionCases(test: Suite, brokers: () => string): void {
  let proxy: BrokerProxy
  let world: JobWorld
  let job: JobProcess

  test.before(async () => {
    if (brokers() === '') return
    proxy = await startProxy(brokers())
    world = await JobWorld.open(brokers(), 'cut')
    job = await world.start({ kafka: { brokers: proxy.address, clientId: world.name } })
    await world.send(...world.some(eventsAtOnce))
    await world.settled()
  })
  test.after(async () => {
    await world?.close()
    await proxy?.close()
  })

  const afterwards = async (hit: Promise<void>) => {
    await world.send(...world.some(eventsAtOnce))
    await hit
    await world.send(...world.some(eventsAtOnce))
    await world.settled()
    await world.assertExact()
    assert.is((await world.dead()).length, 0)
    assert.equal(world.fatal, [])
  }

  for (const api of ofCommit) {
    test(`a connection cut at ${api} of a commit, before, after and in the middle of its answer, loses and doubles nothing`, async () => {
      for (const mishap of cuts) {
        const before = job.figures().takeovers
        await afterwards(proxy.once(api, mishap))
        assert.ok(job.figures().takeovers > before, `${mishap}: the task was not taken over anew`)
      }
    })
  }

  test('answers to a commit that come seconds late only delay it', async () => {
    const before = job.figures().takeovers
    await afterwards(
      Promise.all([
        proxy.once('Produce', { delayMs: 2_000 }),
        proxy.once('TxnOffsetCommit', { delayMs: 1_000 }),
        proxy.once('EndTxn', { delayMs: 2_000 }),
      ]).then(() => undefined),
    )
    assert.is(job.figures().takeovers, before)
  })

  test('a connection cut at each step of the takeover that another cut made necessary loses and doubles nothing', async () => {
    for (const mishap of cuts) {
      const fenced = proxy.once('InitProducerId', mishap)
      const committed = fenced.then(() => proxy.once('EndTxn', mishap))
      const cut = proxy.once('Produce', 'lose-answer')
      await afterwards(Promise.all([cut, fenced, committed]).then(() => undefined))
    }
  })

  test('fetches and heartbeats that fail or come late neither stop the job nor change what it counts', async () => {
    for (const api of ['Fetch', 'Heartbeat'] as const)
      for (const mishap of [...cuts, { delayMs: 1_500 }]) await afterwards(proxy.once(api, mishap))
  })
}
