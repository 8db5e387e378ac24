import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lockBrokerFolder } from '../broker/broker.ts'
import { systemClock } from '../runtime/clock.ts'
import { UserError } from './user-error.ts'

/** Where `millrace start` keeps its parts: of one instance, all below the data folder. */
export interface StartFolder {
  readonly broker: string
  readonly run: string
  /** Of the jobs behind recommendations. */
  readonly recommend: string
  readonly serve: string
  readonly collect: string
}

export function startFolder(data: string, instance: string, job: string): StartFolder {
  const broker = instance === '1' ? 'broker' : `broker-${instance}`
  return {
    broker: join(data, broker),
    run: join(data, 'run', job, instance),
    recommend: join(data, 'run', 'recommend', instance),
    serve: join(data, 'serve', job, instance),
    collect: join(data, 'collect', instance),
  }
}

/** Deletes all that earlier starts left. Rejects with a `FolderLocked` while a broker uses the folder. */
export async function forget(folder: StartFolder): Promise<void> {
  const unlock = await lockBrokerFolder(folder.broker, systemClock.now())
  await unlock()
  for (const part of [folder.broker, folder.run, folder.recommend, folder.serve, folder.collect])
    await rm(part, { recursive: true, force: true })
}

/**
 * Notes what the topic is fed from, at the first start; later ones must say the same, since they go on where
 * the earlier one ended. Throws a `UserError` when they do not.
 */
export async function rememberFeed(folder: StartFolder, file: string | undefined): Promise<void> {
  const path = join(folder.broker, 'feed')
  const present = file === undefined ? 'the made-up shop' : resolve(file)
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (before !== undefined && before !== present) {
    throw new UserError(
      'other_feed',
      `this folder holds the events of ${before}, and was started with ${present}: add --fresh to forget them, or give another --data`,
    )
  }
  await mkdir(folder.broker, { recursive: true })
  await writeFile(path, present)
}
