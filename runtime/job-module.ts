import type { Job } from '../jobs/job.ts'

const source = import.meta.url.endsWith('.ts')
const typescript = new URL(
  source ? '../bin/typescript.js' : '../../bin/typescript.js',
  import.meta.url,
)
/** What a thread needs to load our modules as they are: nothing, once they are JavaScript. */
export const threadFlags: readonly string[] = source ? ['--import', typescript.href] : []

/**
 * The job that a module exports by default. Where Node cannot strip types itself, it learns to only now, and only
 * for a job in TypeScript: the thread that does it takes a tenth of a second to start, and slows down every import.
 *
 * @throws JobModuleError `job_imports_typescript`
 */
export async function importJob(url: string): Promise<Job> {
  if (!source && isTypescript(url)) await import(typescript.href)
  try {
    const { default: job } = (await import(url)) as { default: Job }
    return job
  } catch (error) {
    const unknown = error instanceof Error && 'code' in error && error.code === unknownExtension
    if (!unknown || isTypescript(url)) throw error
    throw new JobModuleError(
      `the job ${url} is JavaScript and imports TypeScript, which this Node cannot: let the job's file end in .ts, or use Node 22.18 or newer`,
      error,
    )
  }
}

/** A job's module that cannot be loaded as it is. */
export class JobModuleError extends Error {
  override readonly name = 'JobModuleError'
  readonly code = 'job_imports_typescript'

  constructor(message: string, cause: unknown) {
    super(message, { cause })
  }
}

const unknownExtension = 'ERR_UNKNOWN_FILE_EXTENSION'
const isTypescript = (url: string): boolean => /\.m?ts$/.test(new URL(url).pathname)
