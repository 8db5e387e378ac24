import type { Job } from '../../jobs/job.ts'
import type { OutgoingRecord } from '../../protocol/record-batch.ts'
import { encodeEntity, newEntity } from '../../runtime/entity.ts'
import { erasedRecord } from '../../runtime/erased.ts'
import { nextOffset } from '../../runtime/log.ts'
import { outputTopics } from '../../runtime/outputs.ts'
import { encodeMarker, encodeMetadata, markerKey, type Progress } from '../../runtime/progress.ts'
import { assert, suite } from '../harness.ts'
import { checkOutputs } from './check-outputs.ts'
import type { Expected } from './expected.ts'
import { naiveModel } from './naive-model.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { SimCluster } from './sim-cluster.ts'
import { SimInput } from './sim-input.ts'
import { simJob } from './sim-job.ts'
import { offsetKey } from './sim-transactions.ts'

const test = suite('check of outputs')
const START = Date.UTC(2026, 0, 1)
const simulated = simJob({ idle: 'hold' })
const job = simulated as Job<unknown>
const topics = outputTopics(job.name)
type Outputs = Record<'features' | 'triggers' | 'late' | 'dead' | 'erased', OutgoingRecord[]>

/** A cluster with input and, after `tamper`, just those outputs that the model expects; the answer of the check. */
function check(tamper: (outputs: Outputs, progress: { next: number }) => void): string[] {
  const random = new Random('outputs')
  const scheduler = new Scheduler(random, START)
  const cluster = new SimCluster({ scheduler, random })
  for (const topic of [job.input, topics.changelog, ...names.map(name => topics[name])]) {
    cluster.create({ topic, partitions: 1, replication: 1, config: {} })
  }
  const input = new SimInput(random, 1, 6)
  const target = cluster.partition(job.input, 0)
  for (let n = 0; n < 300; n++) {
    const now = START + n * 5_000
    target.append([input.next(now).record], now)
  }
  const takes = target.everCommitted().map(record => ({ record, job, era: 0 }))
  const expected = naiveModel({ partition: 0, partitions: 1 }, takes)
  const outputs = outputsOf(expected)
  const progress = { next: target.end }
  tamper(outputs, progress)
  for (const name of names) {
    if (outputs[name].length > 0) cluster.partition(topics[name], 0).append(outputs[name], START)
  }
  commit(cluster, progress.next, target.everCommitted().at(-1)?.time ?? -1, expected)
  const upheaval = {
    definitions: [job],
    lossAccepted: false,
    madeAnew: false,
    forgotten: false,
  }
  const options = { time: 'exact', mode: 'exactly-once', timeless: [], deaths: false } as const
  return checkOutputs(cluster, job, { ...options, upheaval })
}

const names = ['features', 'triggers', 'late', 'dead', 'erased'] as const

function outputsOf(expected: Expected): Outputs {
  const features = [...expected.everyRow].map(([id, row]) => {
    const key = id.slice(0, id.lastIndexOf('@'))
    return { key, value: JSON.stringify({ key, ...row }) }
  })
  const triggers = expected.triggers.map((id, n) => {
    const [trigger, key, time, reason] = id.split(' ')
    const value = { id: `t${n}`, trigger, key, time: Number(time), reason }
    return { key: key ?? null, value: JSON.stringify(value) }
  })
  const late = expected.late.map(offset => ({
    key: null,
    value: null,
    headers: [['offset', offset]] as const,
  }))
  const dead = expected.dead.map(each => {
    const parts = each.split(' ')
    const [offset = '', code = ''] = parts
    if (parts.length === 2) {
      return {
        key: null,
        value: null,
        headers: [
          ['offset', offset],
          ['error-code', code],
        ] as const,
      }
    }
    const [key = '', timer = '', time = '', timerCode = ''] = parts
    const headers = [
      ['timer', timer],
      ['time', time],
      ['error-code', timerCode],
    ] as const
    return { key, value: null, headers }
  })
  return { features, triggers, late, dead, erased: [] }
}

function commit(cluster: SimCluster, next: number, appendedAt: number, expected: Expected): void {
  const progress: Progress = {
    next: nextOffset(next),
    history: 'h',
    watermark: expected.watermark,
    partitions: 1,
    era: 0,
    hash: job.hash,
    generation: 1,
    last: next - 1,
    appendedAt,
    tries: 0,
    hand: -1,
    handDeaths: 0,
    clean: true,
  }
  const marker = { key: markerKey, value: encodeMarker(progress) }
  const records = [...statesOf(expected), marker]
  const first = cluster.partition(topics.changelog, 0).append(records, START)
  const changelog = first + records.length - 1
  cluster.transactions.committed.set(offsetKey(topics.commits, job.input, 0), {
    next: progress.next,
    metadata: encodeMetadata({ ...progress, changelog }),
  })
}

function statesOf({ rows }: Expected): OutgoingRecord[] {
  return [...rows].map(([key, { version, asOf, features }]) => {
    const { count, sum, chain, timerChain } = features
    const entity = newEntity(simulated, key)
    Object.assign(entity, { offset: version[0], revision: version[1], asOf })
    Object.assign(entity.state, { count, sum, chain, timerChain })
    return { key, value: encodeEntity(simulated, entity) }
  })
}

test('outputs as the model has them are found well', () => {
  assert.equal(
    check(() => undefined),
    [],
  )
})

const tampering: Record<string, (outputs: Outputs, progress: { next: number }) => void> = {
  'a trigger too many': ({ triggers }) => triggers.push(...triggers.slice(0, 1)),
  'an erasure too many': ({ erased }) =>
    erased.push(erasedRecord(job, 'ann', { era: 0, offset: 7, appendedAt: START })),
  'a trigger too few': ({ triggers }) => triggers.pop(),
  'a late record too many': ({ late }) => late.push(...late.slice(0, 1)),
  'a late record too few': ({ late }) => late.pop(),
  'a dead record too many': ({ dead }) => dead.push(...dead.slice(0, 1)),
  'a dead record too few': ({ dead }) => dead.pop(),
  'a last row too few': ({ features }) => features.pop(),
  'rows that go back': ({ features }) => features.reverse(),
  'a row that counts one more': ({ features }) => {
    const [first] = features
    const value = String(first?.value).replace('"count":1', '"count":2')
    features[0] = { key: first?.key ?? null, value }
  },
  'an input that is not done': (_, progress) => {
    progress.next--
  },
}

for (const [name, tamper] of Object.entries(tampering)) {
  test(`${name} is found`, () => {
    assert.is.not(check(tamper).length, 0)
  })
}

test.run()
