import { closeSync, constants, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * What a task is about to take, told to a file that outlives its process: after `kill -9` the next process knows
 * whether a record was being taken, or had been and only its commit was under way. Only a task that takes its
 * records one by one tells it, so it costs nothing otherwise.
 */
export interface Witness {
  /** What the last process had in hand when it ended: an input offset, -1 for nothing; `undefined`: nobody told. */
  readonly left: number | undefined
  /** -1: nothing any more. */
  tell(offset: number): void
  close(): void
}

const bytes = 8

/** One writer at a time. What a dead process has written stays in the page cache: no sync is needed against `kill -9`. */
export function openWitness(path: string): Witness {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  const told = Buffer.alloc(bytes)
  const left = readSync(file, told, 0, bytes, 0) === bytes ? told.readDoubleBE() : undefined
  return {
    left,
    tell(offset) {
      told.writeDoubleBE(offset)
      writeSync(file, told, 0, bytes, 0)
    },
    close: () => closeSync(file),
  }
}
