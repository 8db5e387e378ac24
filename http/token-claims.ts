interface Content {
  readonly purpose: string
  readonly claims: Readonly<Record<string, string>>
}

const WORD_BYTES_MAX = 2 ** 14 - 1

/**
 * The words in a token: the purpose, then each claim's name and value, in the order of the names. Before each word
 * stands its length, as one byte below 128, else as two (the first with its highest bit set).
 *
 * Throws a `RangeError` for a word over 16,383 bytes, and one that is no Unicode: it would not come back the same.
 */
export function encodeClaims(purpose: string, claims: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(claims).sort()
  const words = [purpose, ...names.flatMap(name => [name, claims[name] ?? ''])]
  return Buffer.concat(words.flatMap(encodeWord))
}

/** `undefined` for what `encodeClaims` cannot have made. */
export function decodeClaims(bytes: Buffer): Content | undefined {
  const words: string[] = []
  let at = 0
  while (at < bytes.length) {
    const first = bytes[at++] ?? 0
    const length = first < 128 ? first : ((first & 127) << 8) | (bytes[at++] ?? 0)
    if (at + length > bytes.length) return undefined
    words.push(bytes.toString('utf8', at, at + length))
    at += length
  }
  const [purpose, ...rest] = words
  if (purpose === undefined || rest.length % 2 === 1) return undefined
  const pairs = rest.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rest[index + 1] ?? ''] as const] : [],
  )
  return { purpose, claims: Object.fromEntries(pairs) }
}

function encodeWord(word: string): Buffer[] {
  const bytes = Buffer.from(word)
  if (bytes.length > WORD_BYTES_MAX)
    throw new RangeError(
      `a word of a token has at most ${WORD_BYTES_MAX} bytes, not ${bytes.length}`,
    )
  if (bytes.toString() !== word)
    throw new RangeError('a word of a token is Unicode text, and this has half a character')
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length >> 8) | 128, bytes.length & 255]
  return [Buffer.from(length), bytes]
}
