import { readdir } from 'node:fs/promises'

/** Names in a folder that may not be there, sorted; none then. */
export async function entriesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

/** Whether a file or folder is not there, or not any more. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}
