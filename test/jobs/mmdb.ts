/** A value as MaxMind's data section says it: maps, texts, unsigned numbers below 65,536. */
export type MmdbValue =
  | string
  | number
  | { readonly [name: string]: MmdbValue }
  | readonly MmdbValue[]

const separator = Buffer.alloc(16)
const metadataMark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')

/**
 * A small MaxMind DB (https://maxmind.github.io/MaxMind-DB/) with 24-bit records, for tests.
 *
 * @param networks the first bits of addresses, such as '10' for 128.0.0.0/2, and what is known of them
 */
export function mmdb(
  networks: Readonly<Record<string, MmdbValue>>,
  { ipVersion = 4, type = 'Test-City' } = {},
): Buffer {
  const tree = new Tree()
  const values: Buffer[] = []
  let valueBytes = 0
  for (const [bits, value] of Object.entries(networks)) {
    tree.set(bits, valueBytes)
    const bytes = encode(value)
    values.push(bytes)
    valueBytes += bytes.length
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: type,
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: tree.nodes.length,
    record_size: 24,
  })
  return Buffer.concat([tree.encode(), separator, ...values, metadataMark, metadata])
}

/** A record is a node's number, an offset into the values, or nothing. */
type TreeRecord = { readonly node: number } | { readonly value: number } | undefined

class Tree {
  readonly nodes: [TreeRecord, TreeRecord][] = [[undefined, undefined]]

  set(bits: string, value: number): void {
    let at = 0
    for (let i = 0; i < bits.length - 1; i++) at = this.#child(at, bit(bits, i))
    this.#node(at)[bit(bits, bits.length - 1)] = { value }
  }

  encode(): Buffer {
    const bytes = Buffer.alloc(this.nodes.length * 6)
    for (const [index, records] of this.nodes.entries())
      for (const [side, record] of records.entries())
        bytes.writeUIntBE(this.#number(record), index * 6 + side * 3, 3)
    return bytes
  }

  #child(at: number, side: 0 | 1): number {
    const record = this.#node(at)[side]
    if (record && 'node' in record) return record.node
    this.nodes.push([undefined, undefined])
    const node = this.nodes.length - 1
    this.#node(at)[side] = { node }
    return node
  }

  #node(at: number): [TreeRecord, TreeRecord] {
    const node = this.nodes[at]
    if (!node) throw new Error(`no node ${at}`)
    return node
  }

  #number(record: TreeRecord): number {
    const count = this.nodes.length
    if (record === undefined) return count
    return 'node' in record ? record.node : count + separator.length + record.value
  }
}

function bit(bits: string, at: number): 0 | 1 {
  return bits[at] === '1' ? 1 : 0
}

const types = { text: 2, uint16: 5, map: 7, array: 11 }

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return Buffer.concat([control(types.text, bytes.length), bytes])
  }
  if (typeof value === 'number')
    return Buffer.concat([control(types.uint16, 2), Buffer.from([value >> 8, value & 0xff])])
  if (Array.isArray(value))
    return Buffer.concat([control(types.array, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  return Buffer.concat([
    control(types.map, entries.length),
    ...entries.flatMap(([name, inner]) => [encode(name), encode(inner)]),
  ])
}

/** Type and size; types above 7 stand in a byte of their own. */
function control(type: number, size: number): Buffer {
  const [first, extended] = type <= 7 ? [type << 5, []] : [0, [type - 7]]
  if (size < 29) return Buffer.from([first | size, ...extended])
  if (size < 29 + 256) return Buffer.from([first | 29, ...extended, size - 29])
  throw new Error(`too long for a test: ${size}`)
}
