import { execFile } from 'node:child_process'
import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** The program that a benchmark runs: this checkout as it is, or what a user installs. */
export type Origin = 'source' | 'package'

export interface Program {
  /** To be given to Node. */
  readonly path: string
  /** URL of the peers' workload as a job, on the modules of the same origin. */
  readonly peerJob: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

export function parseOrigin(text: string): Origin {
  if (text === 'source' || text === 'package') return text
  throw new Error(`--from is source or package, not ${text}`)
}

/** `package`: JavaScript made in the folder, beside this checkout's node_modules. */
export async function openProgram(origin: Origin, folder: string): Promise<Program> {
  const peerJob = new URL('./peer-job.ts', import.meta.url)
  if (origin === 'source') return { path: join(root, 'bin/millrace.js'), peerJob: peerJob.href }
  const home = join(folder, 'package')
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(home, 'dist')]
  await run(process.execPath, [compiler, ...flags], { cwd: root })
  await cp(join(root, 'bin'), join(home, 'bin'), { recursive: true })
  await cp(join(root, 'package.json'), join(home, 'package.json'))
  await symlink(join(root, 'node_modules'), join(home, 'node_modules'))
  const text = await readFile(peerJob, 'utf8')
  const moved = text.replaceAll(/'\.\.\/(\S+)\.ts'/g, "'./dist/$1.js'")
  await writeFile(join(home, 'peer-job.ts'), moved)
  return {
    path: join(home, 'bin/millrace.js'),
    peerJob: pathToFileURL(join(home, 'peer-job.ts')).href,
  }
}
