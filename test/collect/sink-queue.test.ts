import { SinkQueue } from '../../collect/sink-queue.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the queue of a sink')

/** A clock that stands still but where somebody sleeps. */
function sleepingClock(): {
  readonly clock: Clock
  readonly slept: number[]
  pass(ms: number): void
} {
  const slept: number[] = []
  let elapsed = 1_000
  const sleep = async (ms: number) => {
    slept.push(ms)
    elapsed += ms
  }
  const clock = { ...systemClock, elapsed: () => elapsed, sleep }
  const pass = (ms: number) => {
    elapsed += ms
  }
  return { clock, slept, pass }
}

async function sendsOf(counts: readonly number[]): Promise<readonly number[]> {
  const { clock, slept } = sleepingClock()
  const queue = new SinkQueue({ clock, everyMs: 10, partitions: { of: () => 0 } })
  for (const count of counts) {
    const records = Array.from({ length: count }, () => ({
      topic: 't',
      key: 'k',
      value: Buffer.from('v'),
    }))
    void queue.add(records)
    await queue.next()
  }
  return slept
}

test('what comes after a pause goes at once', async () => {
  const { clock, slept, pass } = sleepingClock()
  const queue = new SinkQueue({ clock, everyMs: 10, partitions: { of: () => 0 } })
  for (let time = 0; time < 3; time++) {
    void queue.add([{ topic: 't', key: 'k', value: Buffer.from('v') }])
    await queue.next()
    pass(10)
  }
  assert.equal(slept, [])
})

test('sends are the whole time apart where many records come', async () => {
  assert.equal(await sendsOf([100, 100, 100]), [10, 10])
})

test.run()
