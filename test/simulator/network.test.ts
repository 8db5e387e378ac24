import { LogError } from '../../runtime/log.ts'
import { assert, suite } from '../harness.ts'
import { allPairs, type FaultKind, FaultPlan, possible } from './faults.ts'
import { Network } from './network.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { SimProcess } from './sim-process.ts'

const test = suite('network')

/** One call under one fault: how often it took effect, what the caller heard, and when. */
async function callUnder(fault: FaultKind | undefined) {
  const scheduler = new Scheduler(new Random(7), 0)
  const plan = new FaultPlan(new Random(7), fault === undefined ? {} : { [fault]: 1 })
  const disturbed: FaultKind[] = []
  const network = new Network(scheduler, new Random(7), plan, (kind, process) => {
    disturbed.push(kind)
    if (kind.startsWith('crash')) process.kill()
  })
  const process = new SimProcess('caller', scheduler)
  let effects = 0
  let effectAt = -1
  let heard = 'nothing'
  let heardAt = -1
  const effect = () => {
    effects++
    effectAt = scheduler.now
  }
  const tell = (what: string) => {
    heard = what
    heardAt = scheduler.now
  }
  network
    .call({ process, point: 'transactor.commit', subject: 'id', effect })
    .then(() => tell('done'))
    .catch((error: unknown) => tell(error instanceof LogError ? error.code : String(error)))
  await scheduler.run(() => false, 100)
  return { effects, effectAt, heard, heardAt, disturbed, hits: plan.hits }
}

test('without a fault a call takes effect, and is answered a little later', async () => {
  const { effects, effectAt, heard, heardAt } = await callUnder(undefined)
  assert.equal({ effects, heard }, { effects: 1, heard: 'done' })
  assert.ok(0 < effectAt && effectAt < heardAt && heardAt < 10)
})

const outcomes: readonly (readonly [FaultKind, number, string])[] = [
  ['request-lost', 0, 'ambiguous'],
  ['request-late', 1, 'ambiguous'],
  ['answer-lost', 1, 'ambiguous'],
  ['unreachable', 0, 'unreachable'],
  ['slow-request', 1, 'done'],
  ['slow-answer', 1, 'done'],
  ['crash-before', 0, 'nothing'],
  ['crash-after', 1, 'nothing'],
  ['freeze-before', 1, 'done'],
  ['freeze-after', 1, 'done'],
  ['stolen', 1, 'done'],
]

for (const [fault, effects, heard] of outcomes) {
  test(`under ${fault} a call takes effect ${effects} times and the caller hears ${heard}`, async () => {
    const result = await callUnder(fault)
    assert.equal({ effects: result.effects, heard: result.heard }, { effects, heard })
    assert.equal([...result.hits], [[`transactor.commit ${fault}`, 1]])
  })
}

test('a late request takes effect after its caller gave up', async () => {
  const { effectAt, heardAt } = await callUnder('request-late')
  assert.ok(heardAt < effectAt)
})

test('no fault strikes once the plan has ended', () => {
  const plan = new FaultPlan(new Random(1), { 'answer-lost': 1 })
  assert.is(plan.draw('transactor.send'), 'answer-lost')
  plan.end()
  assert.is(plan.draw('transactor.send'), undefined)
})

test('the list of pairs names each fault of each await once', () => {
  const pairs = allPairs()
  assert.is(new Set(pairs).size, pairs.length)
  assert.ok(pairs.includes('transactor.commit answer-lost'))
  assert.is(pairs.length, Object.values(possible).flat().length)
})

test.run()
