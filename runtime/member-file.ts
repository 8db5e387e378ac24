import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { StoreError } from '../state/store.ts'

/**
 * The group member id of this folder's process, kept so that the next one can have it removed from the group.
 * It is opened before anything else of the folder: while it is open, no other process can use the folder.
 */
export interface MemberFile {
  readonly previous: string | undefined
  /** Kept at once, and also after leaving: the group may not have heard of it. */
  keep(memberId: string): Promise<void>
  close(): Promise<void>
}

/** @throws StoreError `locked`: another process lives in the folder */
export async function openMemberFile(folder: string): Promise<MemberFile> {
  await mkdir(folder, { recursive: true })
  const level = new ClassicLevel<string, string>(join(folder, 'member'), {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  })
  try {
    await level.open()
  } catch (error) {
    const cause = (error as Error).cause as { code?: string } | undefined
    if (cause?.code !== 'LEVEL_LOCKED')
      throw new StoreError('failed', `folder ${folder} cannot be opened: ${cause ?? error}`, error)
    const holder = 'another Millrace process'
    throw new StoreError(
      'locked',
      `folder ${folder} is in use by ${holder}: stop that one, or start this one with --instance NAME`,
      error,
    )
  }
  const previous = await level.get('id')
  return {
    previous,
    keep: memberId => level.put('id', memberId, { sync: true }),
    close: () => level.close(),
  }
}
