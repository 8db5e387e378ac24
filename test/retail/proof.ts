import { rm } from 'node:fs/promises'
import { seededRandom } from '../../cli/random.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { MillraceProcess } from '../harness-process.ts'
import { type RetailProof, RetailWorld } from './retail-world.ts'

export interface ProofOptions {
  readonly brokers: string
  /** A retail CSV, gzipped. */
  readonly csv: string
  /** How the lives of the job's process end, one after the other; the last one ends in order. */
  readonly deaths: readonly Death[]
  readonly seed: number
  /** Of each process; 2 when left out. */
  readonly lanes?: number
}

/** A `kill -9` in the middle of new work. */
export interface Death {
  /** As MILLRACE_TEST_DIE_AT says it (`runtime/die-at.ts`); without it, when a seeded part of the work is done. */
  readonly at?: string
  /** The job's data folder is deleted after it. */
  readonly loses?: 'folder'
}

/** So many deaths at seeded moments, with the folder lost after one of them (from 1). */
export function randomDeaths(count: number, folderLostAfter: number): Death[] {
  return Array.from({ length: count }, (_, index) =>
    index + 1 === folderLostAfter ? { loses: 'folder' } : {},
  )
}

export interface Proof extends RetailProof {
  /** Of the kills, those that hit while something was sent and not committed. */
  readonly killsAtWork: number
}

/** A moment to die at comes within so long after all of its life's work was sent, or never. */
const DEATH_MS = 60_000

/**
 * Runs jobs/retail.ts as a process over all lines of a CSV, killing it again and again, and rejects unless its
 * outputs say what DuckDB says (`RetailWorld.assertExact`).
 */
export async function proveRetail({
  brokers,
  csv,
  deaths,
  seed,
  lanes = 2,
}: ProofOptions): Promise<Proof> {
  const world = await RetailWorld.open(brokers, csv)
  try {
    const random = seededRandom(seed)
    let killsAtWork = 0
    for (const [life, death] of deaths.entries()) {
      const end = Math.round((world.lines * (life + 1)) / (deaths.length + 1))
      await dieAtWork(world, death, end, random, lanes)
      if ((await world.committedSum()) < world.sent) killsAtWork += 1
      if (death.loses === 'folder') await rm(world.home(), { recursive: true })
    }
    await world.send(world.lines - world.sent)
    const child = world.run({ lanes })
    try {
      await world.hasCommitted(world.sent, child)
      await child.ready()
      await child.stop()
    } finally {
      await child.kill()
    }
    return { ...(await world.assertExact()), killsAtWork }
  } finally {
    await world.close()
  }
}

/**
 * One life of the process, with the lines up to `end` to work on. A part of them comes while it works, so that there
 * is something to do whenever its death comes.
 */
async function dieAtWork(
  world: RetailWorld,
  { at }: Death,
  end: number,
  random: () => number,
  lanes: number,
): Promise<void> {
  const before = world.sent
  const portion = end - before
  const trickling = Math.floor((portion * (at === undefined ? 2 : 1)) / 3)
  await world.send(portion - trickling)
  const child = world.run({ lanes, ...(at !== undefined && { dieAt: at }) })
  try {
    if (at === undefined) {
      const seen = before + 1 + Math.floor(portion * random() * 0.6)
      await world.during(trickling, async () => {
        await world.hasCommitted(seen, child)
        await killAtWork(world, child, random)
      })
    } else {
      const committed = await world.committedSum()
      while (!child.hasEnded && (await world.committedSum()) === committed)
        await systemClock.sleep(20)
      await world.trickle(trickling, () => !child.hasEnded)
      const found = await child.ended(DEATH_MS)
      if (found !== 'SIGKILL') throw new Error(`to die at ${at}: ${found}\n${child.output}`)
    }
  } finally {
    await child.kill()
  }
}

/** Kills it at a seeded moment; at another, where all that was sent until then is committed. */
async function killAtWork(
  world: RetailWorld,
  child: MillraceProcess,
  random: () => number,
): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await systemClock.sleep(random() * 100)
    const { sent } = world
    child.freeze()
    if ((await world.committedSum()) < sent) return await child.kill()
    child.thaw()
  }
  throw new Error(`50 times all that was sent was committed:\n${child.output}`)
}
