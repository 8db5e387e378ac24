import { hash53 } from './hash.ts'

/**
 * Different values of a stream: the sorted 53-bit hashes of its values while they are few, then the
 * registers of HyperLogLog (Flajolet et al. 2007, http://algo.inria.fr/flajolet/Publications/FlFuGaMe07.pdf),
 * which hold the same of the same hashes: what comes out depends on the values alone, not on their order.
 */
export type Distinct = number[] | Uint8Array

const registerBits = 11
const registers = 2 ** registerBits
const restBits = 53 - registerBits

/** With the value. At most `exact` hashes are kept. */
export function addDistinct(part: Distinct, value: string, exact: number): Distinct {
  const hash = hash53(value)
  if (!Array.isArray(part)) {
    register(part, hash)
    return part
  }
  const at = positionOf(part, hash)
  if (part[at] === hash) return part
  part.splice(at, 0, hash)
  return part.length <= exact ? part : registersOf(part)
}

export function mergeDistinct(into: Distinct, from: Distinct, exact: number): Distinct {
  if (Array.isArray(from) && Array.isArray(into)) {
    const both = [...new Set([...into, ...from])].sort((left, right) => left - right)
    return both.length <= exact ? both : registersOf(both)
  }
  const merged = Array.isArray(into) ? registersOf(into) : into
  if (Array.isArray(from)) for (const hash of from) register(merged, hash)
  else
    for (let at = 0; at < registers; at++)
      merged[at] = Math.max(merged[at] as number, from[at] as number)
  return merged
}

export function distinctCount(part: Distinct): number {
  return Array.isArray(part) ? part.length : estimate(part)
}

function registersOf(hashes: readonly number[]): Uint8Array {
  const part = new Uint8Array(registers)
  for (const hash of hashes) register(part, hash)
  return part
}

/** The first bits choose a register, which keeps the longest run of zeros that the rest began with. */
function register(part: Uint8Array, hash: number): void {
  const at = Math.floor(hash / 2 ** restBits)
  const rest = hash - at * 2 ** restBits
  const rank = rest === 0 ? restBits + 1 : restBits - Math.floor(Math.log2(rest))
  if (rank > (part[at] as number)) part[at] = rank
}

function estimate(part: Uint8Array): number {
  let sum = 0
  let empty = 0
  for (const rank of part) {
    sum += 2 ** -rank
    if (rank === 0) empty++
  }
  const raw = ((0.7213 / (1 + 1.079 / registers)) * registers * registers) / sum
  // Small counts by the share of empty registers, as in the paper; there are no large ones with 53 bits.
  const small = raw <= 2.5 * registers && empty > 0
  return Math.round(small ? registers * Math.log(registers / empty) : raw)
}

function positionOf(sorted: readonly number[], hash: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < hash) low = middle + 1
    else high = middle
  }
  return low
}
