const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/**
 * The partition of a key as Kafka's Java client and kafkajs choose it: murmur2, made positive, modulo the
 * number of partitions. https://github.com/apache/kafka, `Utils.murmur2` and `BuiltInPartitioner`.
 */
export function partitionFor(key: Uint8Array, partitions: number, length = key.length): number {
  return (murmur2(key, length) & 0x7fffffff) % partitions
}

/** Of the first `length` bytes; 32 bits, signed. */
export function murmur2(bytes: Uint8Array, length = bytes.length): number {
  const tail = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < tail; at += 4) {
    let word =
      byte(bytes, at) |
      (byte(bytes, at + 1) << 8) |
      (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24)
    word = Math.imul(word, MULTIPLIER)
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  if (tail < length) {
    for (let at = length - 1; at >= tail; at--) hash ^= byte(bytes, at) << ((at - tail) * 8)
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
