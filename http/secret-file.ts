import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  link,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { dirname } from 'node:path'

export type SecretFileErrorCode =
  | 'file_missing'
  | 'file_too_open'
  | 'file_too_large'
  | 'file_unreadable'
  | 'file_wrong'

/** A file of keys or certificates that cannot be used: the message says where and how to mend it. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError'
  readonly code: SecretFileErrorCode

  constructor(code: SecretFileErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/**
 * What other users of this machine must not be able to do with a file: with hashes only nobody can do anything,
 * but a key of one's own could be added; from a file of secrets nobody may read. A group may read either, since
 * that is how Kubernetes hands files to a process.
 */
export type Privacy = 'hashes' | 'secrets'

export interface SecretFile {
  readonly text: string
  /** What should be better, though it can be used. */
  readonly warnings: readonly string[]
}

const BYTES_MAX = 4_194_304
const OWNER_ONLY = 0o600
const MODE_KEPT = 0o640
const FORBIDDEN: Record<Privacy, number> = { hashes: 0o022, secrets: 0o027 }
const UNWISE = 0o077

/**
 * Reads a file that protects something. Rejects with a `SecretFileError`, also where others could change it.
 * Windows has no such modes; there the folder's rights must do.
 */
export async function readSecretFile(path: string, privacy: Privacy): Promise<SecretFile> {
  try {
    const { mode, size } = await stat(path)
    if (size > BYTES_MAX) {
      const message = `${path} has ${size} bytes, and may have ${BYTES_MAX}: is it the right file?`
      throw new SecretFileError('file_too_large', message)
    }
    const others = process.platform === 'win32' ? 0 : mode & UNWISE
    const found = `${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}`
    const remedy = `close it with: chmod 600 ${path}`
    if ((others & FORBIDDEN[privacy]) !== 0) {
      const message = `${found}, so that other users could ${privacy === 'hashes' ? 'change' : 'read or change'} it: ${remedy}`
      throw new SecretFileError('file_too_open', message)
    }
    const warnings = others === 0 ? [] : [`${found}; 0600 is enough: ${remedy}`]
    return { text: await readFile(path, 'utf8'), warnings }
  } catch (error) {
    throw fileError(error, path)
  }
}

/**
 * Replaces the file, as a whole or not at all, also when the power fails. It keeps its group and its owner, where
 * this process may say so, and what they may do; a new one is its owner's only.
 */
export async function replaceSecretFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const target = await realpath(path).catch(() => path)
  const before = await stat(target).catch(() => undefined)
  const written = await writeBeside(target, text)
  if (before !== undefined) {
    await chmod(written, before.mode & MODE_KEPT)
    await chown(written, before.uid, before.gid).catch(ignoreForbidden)
  }
  await rename(written, target)
  await syncFolder(dirname(target))
}

/** The same for a file that must not be there yet; answers whether it was this call that made it. */
export async function createSecretFile(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true })
  const written = await writeBeside(path, text)
  try {
    await link(written, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(written, { force: true })
  }
  await syncFolder(dirname(path))
  return true
}

async function writeBeside(path: string, text: string): Promise<string> {
  const beside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.new`
  const file = await open(beside, 'wx', OWNER_ONLY)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return beside
}

/** Only root may give files away. */
function ignoreForbidden(error: unknown): void {
  if (codeOf(error) !== 'EPERM') throw error
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const file = await open(folder, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function fileError(error: unknown, path: string): unknown {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new SecretFileError('file_missing', `${path} does not exist`, error)
    case 'EACCES':
    case 'EPERM':
      return new SecretFileError(
        'file_unreadable',
        `this user may not read ${path}: change its owner (chown)`,
        error,
      )
    case 'EISDIR':
      return new SecretFileError('file_wrong', `${path} is a folder; a file was expected`, error)
    default:
      return error
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
