/** A member of a group, with the partitions whose stores lie on its machine. */
export interface Candidate {
  readonly memberId: string
  readonly owned: readonly number[]
}

/**
 * Sticky assignment: everybody gets the same number of partitions, give or take one, and whoever holds a
 * partition's store keeps it as far as that allows. A pure function of the members, so that it does not
 * matter who leads the group.
 */
export function assignSticky(
  candidates: readonly Candidate[],
  partitions: number,
): Map<string, number[]> {
  const members = [...candidates].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assigned = new Map(members.map(({ memberId }) => [memberId, [] as number[]]))
  if (members.length === 0) return assigned
  const least = Math.floor(partitions / members.length)
  let larger = partitions % members.length // so many members may have one more than `least`
  const taken = new Set<number>()
  const give = (to: number[], partition: number) => {
    if (to.length === least) larger--
    to.push(partition)
    taken.add(partition)
  }
  const hasRoom = (of: number[]) => of.length < least || (of.length === least && larger > 0)

  for (const { memberId, owned } of members) {
    const mine = assigned.get(memberId) ?? []
    for (const partition of [...new Set(owned)].sort((a, b) => a - b)) {
      if (partition >= 0 && partition < partitions && !taken.has(partition) && hasRoom(mine))
        give(mine, partition)
    }
  }
  for (let partition = 0; partition < partitions; partition++) {
    if (taken.has(partition)) continue
    const poorest = [...assigned.values()].filter(hasRoom).sort((a, b) => a.length - b.length)[0]
    if (poorest) give(poorest, partition)
  }
  for (const mine of assigned.values()) mine.sort((a, b) => a - b)
  return assigned
}
