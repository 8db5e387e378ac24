import { partitionFor } from '../protocol/murmur2.ts'

export type Users = 'even' | 'Zipf' | 'one user with 5 %'

/**
 * The hottest partition's share of all events, of so many users spread by Kafka's hash of their ids: no lane does
 * more than one partition at a time, so with a lane for each the whole goes as many times as fast as 1 / share.
 */
export function hottestShare(partitions: number, users: number, kind: Users): number {
  const shares = new Float64Array(partitions)
  let sum = 0
  for (let user = 0; user < users; user++) {
    const weight = kind === 'Zipf' ? 1 / (user + 1) : 1
    const partition = partitionFor(Buffer.from(`user-${user}`), partitions)
    shares[partition] = (shares[partition] ?? 0) + weight
    sum += weight
  }
  const normal = shares.map(share => share / sum)
  if (kind !== 'one user with 5 %') return Math.max(...normal)
  const heavy = partitionFor(Buffer.from('heavy'), partitions)
  const mixed = normal.map((share, at) => share * 0.95 + (at === heavy ? 0.05 : 0))
  return Math.max(...mixed)
}
