import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import { startBroker } from '../../broker/broker.ts'
import { collectFiles, readRuleset } from '../../cli/collect-files.ts'
import { judgeTopic } from '../../cli/judge-topic.ts'
import { replay } from '../../cli/replay.ts'
import { topicRecords } from '../../cli/topic-records.ts'
import { createJudge } from '../../collect/judge.ts'
import type { Ruleset } from '../../collect/ruleset.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { decodeEvent } from '../../runtime/decode.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import { CHROME } from '../collect/webhook-raw.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('judging the past again')
const at = Date.UTC(2026, 10, 22)
const ruleset: Ruleset = {
  id: '2027-01',
  rules: [
    {
      verdict: 'scanner',
      reason: 'new_network',
      source: 'a test',
      when: { networks: ['203.0.113.0/24'] },
    },
  ],
}

let folder = ''
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-judge-'))
})
test.after(() => rm(folder, { recursive: true }))

test('new rules change verdicts on the copy of a topic, and nothing else', async () => {
  const broker = await startBroker({ folder })
  const log = openKafkaLog({ brokers: broker.address, clientId: 'judge', clock })
  try {
    const topics = ['events', 'again'].map(topic => ({
      ...{ topic, partitions: 2, replication: 1, config: {} },
    }))
    await log.topics.create(topics)
    const judge = createJudge()
    const open = (userId: string, ip: string) => ({
      key: userId,
      value: new Packr({ useRecords: false }).pack({
        ...{ type: 'track', event: 'Email Opened', userId, messageId: userId, timestamp: at },
        context: judge.classifyRequest({ kind: 'open', at, ip, userAgent: CHROME }),
      }),
    })
    const other = { key: 'u3', value: `{"type":"track","userId":"u3","timestamp":${at}}` }
    const garbage = { key: null, value: Uint8Array.from([0xc1, 0xff]) }
    const producer = log.producer()
    const records = [open('u1', '203.0.113.5'), open('u2', '198.51.100.5'), other, garbage]
    await replay(records, { producer, topic: 'events', partitions: 2 })
    await producer.close()

    const told = await judgeTopic({ log, from: 'events', ruleset })
    assert.equal([told.events, told.judged, [...told.changes]], [4, 2, [['human → scanner', 1]]])
    assert.equal(await read('again'), [])

    const to = { topic: 'again', partitions: 2 }
    assert.equal(await judgeTopic({ log, from: 'events', to, ruleset }), told)
    const [before, after] = [await read('events'), await read('again')]
    assert.is(after.length, 4)
    assert.equal(after.filter(value => !value.includes('Email Opened')).sort(), [
      ...before.filter(value => !value.includes('Email Opened')).sort(),
    ])
    const verdicts = after
      .filter(value => value.includes('Email Opened'))
      .map(value => decodeEvent(Buffer.from(value, 'latin1'), at))
      .map(({ userId, context }) => [userId, context.classification, context.ip])
      .sort()
    assert.equal(verdicts, [
      ['u1', { verdict: 'scanner', reasons: ['new_network'], ruleset: '2027-01' }, '203.0.113.5'],
      ['u2', { verdict: 'human', reasons: [], ruleset: '2027-01' }, '198.51.100.5'],
    ])
  } finally {
    await log.close()
    await broker.close()
  }

  async function read(topic: string): Promise<string[]> {
    const values: string[] = []
    for await (const { value } of topicRecords(log, topic))
      values.push(value?.toString('latin1') ?? '')
    return values
  }
})

test('a file of rules that is wrong is named, with the place in it', async () => {
  const path = join(folder, 'rules.json')
  await writeFile(path, JSON.stringify(ruleset))
  assert.equal(await readRuleset(path), ruleset)
  assert.equal(await collectFiles({ verdictRules: path }), { ruleset })
  await writeFile(path, '{"id":"x","rules":[{}]}')
  await rejects(() => readRuleset(path), /rules\.json: rules\[0\]\.verdict: expected one of human/)
  await writeFile(path, '{"id"')
  await rejects(() => readRuleset(path), /rules\.json: /)
})

test.run()
