import type { Timer } from '../jobs/job.ts'
import { murmur2 } from '../protocol/murmur2.ts'
import { userIdCharsMax } from './decode.ts'

/**
 * What a step has in hand, as one number that another thread can read: a record's offset, -1 for nothing, or
 * below that a timer (a hash of its key, and its time).
 */
export type Hand = number

/** About a timer that is due: it fires, waits until it has been announced, or is dead-lettered. */
export type Verdict = 'fire' | 'hold' | 'kills_process'

const keyBytes = Buffer.allocUnsafe(3 * userIdCharsMax)

export function timerHand({ time }: Pick<Timer, 'time'>, key: string): Hand {
  const length = keyBytes.write(key)
  return -2 - ((murmur2(keyBytes.subarray(0, length)) >>> 0) * 2 ** 20 + (time % 2 ** 20))
}

/** Fields of the memory that a lane shares with its watchdog: what it has in hand, and that it lives. */
export const handField = { partition: 0, offset: 1, beats: 2 } as const
export const handBytes = 3 * 8
