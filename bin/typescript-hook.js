// A loader hook (https://nodejs.org/docs/latest-v20.x/api/module.html#loadurl-context-nextload): `.ts` files
// are modules whose types are replaced by spaces, so that line and column numbers stay true. The result is kept
// below node_modules/.cache by the hash of its source: each process and each of its threads would do it again,
// which is a third of the processor time that a `millrace run` needs to start.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const stripper = '@swc/wasm-typescript'
const cache = new URL('../node_modules/.cache/millrace/', import.meta.url)
/** Every edit leaves a file behind: when there are more, all go, and those in use come back. */
const keptMax = 2_000
let transformSync

export async function load(url, context, nextLoad) {
  const { protocol, pathname } = new URL(url)
  if (protocol !== 'file:' || !/\.m?ts$/.test(pathname)) return nextLoad(url, context)
  const filename = fileURLToPath(url)
  const text = await readFile(filename, 'utf8')
  const kept = new URL(`${createHash('sha256').update(text).digest('hex')}.js`, cache)
  const source = (await readIfThere(kept)) ?? (await strip(text, filename, kept))
  return { format: 'module', source, shortCircuit: true }
}

async function strip(text, filename, kept) {
  transformSync ??= (await import(stripper)).transformSync
  const { code } = transformSync(text, { mode: 'strip-only', filename })
  const draft = new URL(`${randomUUID()}.new`, cache)
  try {
    await mkdir(cache, { recursive: true })
    if ((await readdir(cache)).length > keptMax) {
      await rm(cache, { recursive: true, force: true })
      await mkdir(cache, { recursive: true })
    }
    await writeFile(draft, code)
    await rename(draft, kept)
  } catch {
    // An installed package's folder may be another user's, or the disk full: then nothing is kept.
  }
  return code
}

async function readIfThere(file) {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}
