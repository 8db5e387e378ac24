import { partitionFor } from '../protocol/murmur2.ts'
import { BadRecord, userIdCharsMax } from './decode.ts'

const keyBytes = Buffer.allocUnsafe(3 * userIdCharsMax)

/**
 * A user whose key hashes elsewhere lives elsewhere: his state would be in two places.
 *
 * @throws BadRecord `wrong_partition`
 */
export function checkHome(key: string, partition: number, partitions: number): void {
  const length = keyBytes.write(key)
  const home = partitionFor(keyBytes.subarray(0, length), partitions)
  if (home === partition) return
  throw new BadRecord(
    'wrong_partition',
    `the user's partition is ${home} of ${partitions} (murmur2 of userId), the record lies in ${partition}; key records by userId, or by anonymousId where there is none`,
  )
}
