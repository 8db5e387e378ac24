import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Spool } from '../../collect/spool.ts'
import { encodeFrame } from '../../collect/spool-frame.ts'
import { assert, suite } from '../harness.ts'
import { withFolder } from './sink-world.ts'
import { frameOf, openTestSpool, spoolFiles, takeAll, takeSome } from './spool-world.ts'

const test = suite('spool, any sequence of steps')

type Step =
  | { readonly kind: 'append'; readonly frames: readonly number[] }
  | { readonly kind: 'drain'; readonly frames: number }
  /** The process dies in the middle of an append, of which so many bytes have reached the file. */
  | { readonly kind: 'die-appending'; readonly bytes: number }
  /** The process dies after a drain was acknowledged, and before that was remembered. */
  | { readonly kind: 'die-draining'; readonly frames: number }
  | { readonly kind: 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      frames: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('drain' as const),
      frames: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('die-appending' as const),
      bytes: fc.integer({ min: 0, max: 260 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('die-draining' as const),
      frames: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
)

/** The spool as anybody would write it: a list, and what was done of it. */
class NaiveSpool {
  readonly frames: string[][] = []
  done = 0

  take(frames: number): string[] {
    const taken = this.frames.slice(this.done, this.done + frames).flat()
    this.done = Math.min(this.done + frames, this.frames.length)
    return taken
  }

  get left(): number {
    return this.frames.slice(this.done).flat().length
  }
}

test('whatever is appended, drained, torn and opened again, it is what a plain list would be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(1, 400, 2_000),
      (steps, segmentBytes) => withFolder(folder => follow(steps, folder, segmentBytes)),
    ),
    { numRuns: 40 },
  )
})

test.run()

async function follow(steps: readonly Step[], folder: string, segmentBytes: number): Promise<void> {
  const naive = new NaiveSpool()
  const options = { segmentBytes }
  let spool = await openTestSpool(folder, options)
  let next = 0
  const values = (count: number) => Array.from({ length: count }, () => `value ${next++}`)
  const killed = async () => {
    await spool.close() // only lets go of its files: nothing is written then
    spool = await openTestSpool(folder, options)
  }
  for (const each of steps) {
    if (each.kind === 'append') {
      const frames = each.frames.map(values)
      await spool.append(frames.map(own => frameOf('events', own)))
      naive.frames.push(...frames)
    } else if (each.kind === 'drain') {
      assert.equal(await takeSome(spool, each.frames), naive.take(each.frames))
    } else if (each.kind === 'die-appending') {
      await tearTail(folder, each.bytes)
      await killed()
    } else if (each.kind === 'die-draining') {
      await drainUnremembered(spool, folder, each.frames)
      await killed()
    } else await killed()
    assert.is(spool.records, naive.left)
  }
  await killed()
  assert.is(spool.records, naive.left)
  assert.equal(await takeAll(spool), naive.take(Number.POSITIVE_INFINITY))
  assert.equal(await spoolFiles(folder), [])
  await spool.close()
}

/** The first so many bytes of a frame that nobody was told is safe, at the end of the last file or in a new one. */
async function tearTail(folder: string, bytes: number): Promise<void> {
  const frame = Buffer.concat(encodeFrame(frameOf('events', ['never answered', 'x'.repeat(200)])))
  const last = (await spoolFiles(folder)).at(-1)
  const torn = frame.subarray(0, Math.min(bytes, frame.length - 1))
  if (last !== undefined) await appendFile(last, torn)
}

/** Drained and acknowledged, but the files are as they were before: all of it comes again. */
async function drainUnremembered(spool: Spool, folder: string, frames: number): Promise<void> {
  const files = await spoolFiles(folder)
  const before = await Promise.all(files.map(async file => [file, await readFile(file)] as const))
  const position = await readFile(join(folder, 'position')).catch(() => undefined)
  await takeSome(spool, frames)
  for (const [file, bytes] of before) await writeFile(file, bytes)
  if (position === undefined) await rm(join(folder, 'position'), { force: true })
  else await writeFile(join(folder, 'position'), position)
}
