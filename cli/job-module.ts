import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { UserError } from './user-error.ts'

/**
 * The module of a job: a path, or the name of a file in `jobs/`, below the working folder first, then among
 * the jobs that come with Millrace. Its default export is checked by whoever loads it.
 */
export async function findJobModule(job: string, cwd: string): Promise<string> {
  const looksLikePath = /[\\/]|\.[cm]?[jt]s$/.test(job)
  const shipped = fileURLToPath(new URL('../jobs/', import.meta.url))
  const candidates = looksLikePath
    ? [resolve(cwd, job)]
    : [resolve(cwd, 'jobs'), shipped].flatMap(folder =>
        ['.ts', '.mts', '.js', '.mjs'].map(ending => resolve(folder, job + ending)),
      )
  for (const file of candidates) {
    if (await isReadable(file)) return pathToFileURL(file).href
  }
  throw new UserError(
    'unknown_job',
    looksLikePath
      ? `there is no job file ${candidates[0]}`
      : `there is no job "${job}": expected jobs/${job}.ts or .js in ${cwd}; a path to the file works too`,
  )
}

async function isReadable(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
