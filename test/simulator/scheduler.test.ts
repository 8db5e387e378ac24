import { assert, suite } from '../harness.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { SimProcess } from './sim-process.ts'

const test = suite('scheduler')

/** What several loops write down while they wait for each other and for the time. */
async function story(seed: number): Promise<string> {
  const scheduler = new Scheduler(new Random(seed), 1_000)
  const told: string[] = []
  const loop = async (name: string) => {
    for (let n = 0; n < 5; n++) {
      await scheduler.sleep(n % 2)
      told.push(`${name}${n}@${scheduler.now}`)
      await Promise.all([scheduler.sleep(0), scheduler.sleep(1)])
    }
  }
  for (const name of ['a', 'b', 'c', 'd']) void loop(name)
  assert.is(await scheduler.run(() => false, 1_000), 'quiet')
  return told.join(' ')
}

test('the same seed tells the same story, another seed another', async () => {
  assert.is(await story(1), await story(1))
  assert.is.not(await story(1), await story(2))
})

test('time moves to what is next, and never back', async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  const times: number[] = []
  for (const ms of [50, 10, 30, 10]) scheduler.after(ms, () => times.push(scheduler.now))
  await scheduler.run(() => false, 100)
  assert.equal(times, [10, 10, 30, 50])
})

test('all promises that a step settled have run before the next step', async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  const told: string[] = []
  const chain = async () => {
    await scheduler.sleep(1)
    for (let n = 0; n < 100; n++) await Promise.resolve()
    told.push('chain')
  }
  void chain()
  scheduler.after(2, () => told.push('next'))
  await scheduler.run(() => false, 100)
  assert.equal(told, ['chain', 'next'])
})

test('a run without an end stops at its bound of steps', async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  const again = (): void => {
    scheduler.after(1, again)
  }
  again()
  assert.is(await scheduler.run(() => false, 50), 'out-of-steps')
  assert.is(await scheduler.run(() => scheduler.now > 60, 50), 'done')
})

test('what was cancelled does not run', async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  let ran = false
  scheduler.after(1, () => {
    ran = true
  })()
  await scheduler.run(() => false, 10)
  assert.not.ok(ran)
})

test('a killed process hears nothing any more, a frozen one after its thaw', async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  const [killed, frozen] = [
    new SimProcess('killed', scheduler),
    new SimProcess('frozen', scheduler),
  ]
  const told: string[] = []
  for (const { name, clock } of [killed, frozen]) {
    void clock.sleep(10).then(() => told.push(`${name}@${scheduler.now}`))
  }
  killed.kill()
  frozen.freeze(500)
  await scheduler.run(() => false, 100)
  assert.equal(told, ['frozen@500'])
})

test("a process's ticks do not overlap, and end when told", async () => {
  const scheduler = new Scheduler(new Random(1), 0)
  const { clock } = new SimProcess('ticking', scheduler)
  const ticks: number[] = []
  const end = clock.every(10, async () => {
    ticks.push(scheduler.now)
    await clock.sleep(15)
  })
  await scheduler.run(() => scheduler.now >= 60, 1_000)
  end()
  assert.equal(ticks, [10, 30, 50])
  assert.is(await scheduler.run(() => false, 100), 'quiet')
})

test.run()
