import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { transformSync } from '@swc/wasm-typescript'

/** The program that a benchmark runs: this checkout as it is, or what a user installs. */
export type Origin = 'source' | 'package'

export interface Program {
  /** To be given to Node. */
  readonly path: string
  /** URL of the peers' workload as a job, on the modules of the same origin. */
  readonly peerJob: string
  /** What a job's file is called that imports it: what a user installs reads no TypeScript unless it is asked to. */
  readonly jobFile: 'job.ts' | 'job.mjs'
}

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

/** This checkout. */
export const source: Program = {
  path: join(root, 'bin/millrace.js'),
  peerJob: new URL('./peer-job.ts', import.meta.url).href,
  jobFile: 'job.ts',
}

export function parseOrigin(text: string): Origin {
  if (text === 'source' || text === 'package') return text
  throw new Error(`--from is source or package, not ${text}`)
}

/** Gives what a user installs, made in a folder that is there meanwhile: what of it runs has no thread that reads TypeScript. */
export async function withPackage<Answer>(
  use: (program: Program) => Promise<Answer>,
): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-package-'))
  try {
    return await use(await openProgram('package', folder))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** `package`: JavaScript made in the folder, beside this checkout's node_modules. */
export async function openProgram(origin: Origin, folder: string): Promise<Program> {
  if (origin === 'source') return source
  const home = join(folder, 'package')
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(home, 'dist')]
  await run(process.execPath, [compiler, ...flags], { cwd: root })
  await cp(join(root, 'bin'), join(home, 'bin'), { recursive: true })
  await cp(join(root, 'package.json'), join(home, 'package.json'))
  await symlink(join(root, 'node_modules'), join(home, 'node_modules'))
  const text = await readFile(fileURLToPath(source.peerJob), 'utf8')
  const moved = text.replaceAll(/'\.\.\/(\S+)\.ts'/g, "'./dist/$1.js'")
  const peerJob = join(home, 'peer-job.mjs')
  await writeFile(peerJob, transformSync(moved, { mode: 'strip-only' }).code)
  const path = join(home, 'bin/millrace.js')
  return { path, peerJob: pathToFileURL(peerJob).href, jobFile: 'job.mjs' }
}
