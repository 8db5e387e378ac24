import { partitionFor } from '../protocol/murmur2.ts'
import { BadRecord, userIdCharsMax } from './decode.ts'

const keyBytes = Buffer.allocUnsafe(3 * userIdCharsMax)

/**
 * A user whose key hashes elsewhere lives elsewhere: his state would be in two places.
 *
 * @throws BadRecord `wrong_partition`
 */
export function checkHome(key: string, partition: number, partitions: number): void {
  const home = partitionFor(keyBytes, partitions, write(key))
  if (home === partition) return
  throw new BadRecord(
    'wrong_partition',
    `the user's partition is ${home} of ${partitions} (murmur2 of userId), the record lies in ${partition}; key records by userId, or by anonymousId where there is none`,
  )
}

/** Answers how many bytes. Up to the first character that is not ASCII here, which spares most keys a call into C++. */
function write(key: string): number {
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at)
    if (unit >= 0x80) return keyBytes.write(key)
    keyBytes[at] = unit
  }
  return key.length
}
