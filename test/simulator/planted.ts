import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Edit } from './plants.ts'
import type { ChainShape } from './run-chain.ts'

export const SEEDS_MAX = 200
const root = fileURLToPath(new URL('../..', import.meta.url))
const main = fileURLToPath(new URL('./planted-main.ts', import.meta.url))

/** The first of the seeds that fails on the edited sources, in a process of its own; rejects when an edit does not fit. */
export async function firstFailing(
  edits: readonly Edit[],
  [first, last]: readonly [number, number] = [1, SEEDS_MAX],
  shape?: ChainShape,
): Promise<{ seed: number; problem: string } | undefined> {
  const args = [
    '--import',
    './bin/typescript.js',
    main,
    JSON.stringify(edits),
    `${first}`,
    `${last}`,
    ...(shape === undefined ? [] : [shape]),
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
  return JSON.parse(stdout) ?? undefined
}
