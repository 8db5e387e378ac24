import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { EVENT_BYTES_MAX, EventIntake } from '../../collect/event-intake.ts'
import { makePlan } from '../../collect/plan.ts'
import { collectTopics } from '../../collect/topics.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { BrokerUnderTest } from '../broker-under-test.ts'
import { setAsideAt } from '../collect/spool-world.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('millrace plan and millrace rejected')
const schema = { properties: { price: { type: 'number' } }, required: ['price'] }
const good = { type: 'track', event: 'Seen', userId: 'a', properties: { price: 1 } }
const bad = { ...good, properties: { price: 'secret' } }
let folder: string
let plan: string

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'))
  plan = join(folder, 'plan')
  mkdirSync(plan)
  writeFileSync(join(plan, 'Seen@1.json'), JSON.stringify(schema))
})
test.after.each(() => rmSync(folder, { recursive: true }))

test('plan check holds the events of files against a plan, and fails where one does not fit', async () => {
  const file = join(folder, 'events.ndjson')
  const lines = [good, bad, { type: 'page', userId: 'a' }, bad].map(event => JSON.stringify(event))
  writeFileSync(file, `${lines.join('\n')}\n{`)
  const printed: string[] = []
  const failed = await rejects(
    () => run(printed, 'plan', 'check', '--plan', plan, file),
    'plan_faults',
  )
  assert.match(failed.message, /^3 of 5 events do not fit /)
  const what = '"Seen": properties.price must be number, is string'
  assert.equal(printed, [
    ...[`${file}:2: ${what}`, `${file}:4: ${what}`, `${file}:5: it is not JSON`],
    ...[`2 × ${what}`, '1 × it is not JSON'],
  ])
  writeFileSync(file, JSON.stringify(good))
  assert.equal(await run([], 'plan', 'check', '--plan', plan, file), [
    `all of 1 events fit ${plan}`,
  ])
  assert.equal(await run([], 'plan', 'check', '--plan', plan), [
    `${plan} is a plan, with mode observe`,
  ])
})

test('rejected list shows what waits, and rejected replay takes it once the plan was mended', async () => {
  const broker = new BrokerUnderTest()
  await broker.start()
  const topic = `planned-${folder.slice(-6)}`
  try {
    await reject(broker.address, topic)
    const flags = ['--brokers', broker.address, '--topic', topic]
    const waiting = await run([], 'rejected', 'list', ...flags)
    assert.match(
      waiting[0] ?? '',
      /^\S+Z plan_failed 0:0 source web properties.price must be number/,
    )
    assert.is(waiting[1], '1 rejected events: 1 plan_failed')
    const [json = ''] = await run([], 'rejected', 'list', '--json', ...flags)
    assert.equal(JSON.parse(JSON.parse(json).payload), bad)

    const data = ['--data', folder]
    await rejects(() => run([], 'rejected', 'replay', ...flags, ...data), 'no_plan')
    const none = ['--signing-keys', join(folder, 'none.json'), '--without-plan']
    await rejects(() => run([], 'rejected', 'replay', ...flags, ...none), 'no_signing_keys')
    writeFileSync(join(plan, 'Seen@1.json'), '{}')
    writeFileSync(join(plan, 'plan.json'), '{"mode":"enforce"}')
    const replayed = await run([], 'rejected', 'replay', '--plan', plan, ...flags, ...data)
    assert.equal(replayed, ['took 1 rejected events'])
    assert.equal(await run([], 'rejected', 'list', ...flags), ['no rejected events wait'])
    assert.is((await run([], 'rejected', 'list', '--all', ...flags)).length, 2)

    await setAsideAt(folder, '1', ['one', 'two'])
    const [aside = '', ...rest] = await run(
      [],
      'rejected',
      'list',
      '--limit',
      '1',
      ...flags,
      ...data,
    )
    assert.match(aside, /^1970-\S+Z set_aside topic events key key-1 3 bytes \S+\.spool$/)
    assert.match(rest[0] ?? '', /^2 records that no topic took are set aside in \S+refused: /)
    assert.is(rest[1], 'no rejected events wait')
  } finally {
    await broker.stop()
  }
})

test.run()

/** Puts one rejected event to a topic of its own. */
async function reject(brokers: string, topic: string): Promise<void> {
  const log = openKafkaLog({ brokers, clientId: 'plan-commands', clock })
  await log.topics.create(collectTopics(topic, { partitions: 1, replication: 1 }))
  const producer = log.producer()
  const intake = new EventIntake({
    ...{ topic, telemetry: noTelemetry, eventBytesMax: EVENT_BYTES_MAX },
    plan: makePlan([{ name: 'Seen', version: 1, schema }], { mode: 'enforce' }),
    sink: {
      async put(records) {
        for (const { topic, key, value } of records)
          await producer.send([{ topic, partition: 0, records: [{ key, value }] }])
      },
      close: () => producer.close(),
    },
  })
  const source = { name: 'web', requireConsent: false }
  await intake.take([bad], { source, receivedAt: clock.now() })
  await producer.close()
  await log.close()
}

async function run(printed: string[], ...args: string[]): Promise<string[]> {
  const context = {
    ...{ signal: new AbortController().signal, clock, logTo: () => undefined },
    logger: createLogger({ level: 'silent', human: false, write: () => undefined }),
    print: (line: string) => void printed.push(line),
  }
  const nothing = () => undefined
  await createProgram(context, nothing, nothing).parseAsync(['node', 'millrace', ...args])
  return printed
}
