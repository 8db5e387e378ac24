/**
 * How a value begins in an encoded state (format version 2). What is small and frequent is one or two bytes:
 *
 *     00–7f      a whole number, 0 to 127
 *     80–bf xx   a whole number, 128 to 16,511: 14 bits
 *     c0–df      a text of up to 31 characters, one byte each: those up to U+00FF
 *     e0–ef      a list of up to 15 values
 *     f0–fe      the others, below
 *
 * A *varint* is a whole number of up to 53 bits, 7 in each byte, the lowest first, the top bit saying that more
 * follow. Times are told by their distance from the base: one that the reader knows, near most of them.
 */
export const tag = {
  short: 0x80,
  text: 0xc0,
  list: 0xe0,
  null: 0xf0,
  false: 0xf1,
  true: 0xf2,
  /** 8 bytes, little-endian. */
  double: 0xf3,
  /** Varint. */
  whole: 0xf4,
  /** Varint n, for −1 − n. */
  negative: 0xf5,
  /** Varint: so much before the base, or after it. */
  before: 0xf6,
  after: 0xf7,
  /** Varint: a number of at most two decimals, such as money, by 100. */
  hundredths: 0xf8,
  /** Varint length, then a byte for each character. */
  longText: 0xf9,
  /** Varint length in UTF-16 units, then these, little-endian: what no other encoding would keep as it is. */
  wideText: 0xfa,
  /** Varint length, then the values. */
  longList: 0xfb,
  /** Varint length, then bytes. */
  bytes: 0xfc,
  /** Varint length, then MessagePack: objects, and whatever else an author's own state holds. */
  packed: 0xfd,
} as const

export const shortFrom = 0x80
export const shortEnd = shortFrom + 0x4000
export const textEnd = 32
export const listEnd = 16
