import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * What a file of JSON holds; `undefined` where there is none, or what is there is no JSON: then nobody knows how far
 * it was, and it begins anew.
 */
export async function readPosition(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isMissing || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Replaces the file in one step: whatever dies meanwhile, the old or the new one is there, whole. */
export async function writePosition(path: string, position: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.next`
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(position)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
}
