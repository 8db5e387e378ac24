import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

export interface FuzzBody {
  readonly name: string
  readonly bytes: Buffer
  readonly encoding?: string
}

export const event = {
  type: 'track',
  event: 'Product Viewed',
  userId: 'u1',
  messageId: 'm1',
  timestamp: '2026-11-22T10:00:00.000Z',
  properties: { product_id: 'p1', price: 9.5 },
  context: { page: { url: 'https://shop.example/p1' } },
}
/** Values that are hardly ever right. */
export const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'x'.repeat(3_000),
  [],
  [[]],
  {},
  { $ne: 1 },
  '\0',
  '+275760-09-13T00:00:00.001Z',
  '0000-00-00',
]
/** A batch that is taken. */
export const text = JSON.stringify({
  batch: [event, { ...event, messageId: 'm2' }],
  sentAt: event.timestamp,
})

/** Bodies that somebody thought of: each is a way in which a parser, a check or a writer could fail. */
export function knownBodies(): FuzzBody[] {
  return [
    ...depths().map(([name, json]) => plain(name, json)),
    ...numbers().map(number => plain(`number ${number.slice(0, 12)}`, withField(`"x":${number}`))),
    ...keys().map(field => plain(`key ${field.slice(0, 40)}`, withField(field))),
    ...Object.entries(encodings()).map(([name, bytes]) => ({ name, bytes })),
    ...fields().map(value =>
      plain(`fields ${JSON.stringify(value)?.slice(0, 60)}`, JSON.stringify(value)),
    ),
    ...packed(),
    plain('no JSON', '{"type":"track",'),
    plain('a form', 'type=track&event=x&userId=1&__proto__[x]=1'),
    plain('100,000 nulls', JSON.stringify({ batch: Array(100_000).fill(null) })),
    plain('many nulls', JSON.stringify({ batch: Array(1_000).fill(null) })),
    plain('50,000 keys', `{${Array.from({ length: 40_000 }, (_, at) => `"k${at}":1`).join()}}`),
    plain('one long text', withField(`"x":"${'é'.repeat(200_000)}"`)),
    plain('one long key', withField(`"${'k'.repeat(400_000)}":1`)),
    plain('empty', ''),
    plain('blank', ' \n\t '),
    plain('zeros', '\0'.repeat(1_000)),
  ]
}

export function plain(name: string, json: string): FuzzBody {
  return { name, bytes: Buffer.from(json) }
}

function withField(field: string): string {
  return `${JSON.stringify({ ...event, properties: {} }).replace('"properties":{}', `"properties":{${field}}`)}`
}

function depths(): [string, string][] {
  const nested = (open: string, close: string, times: number, inner = '1') =>
    open.repeat(times) + inner + close.repeat(times)
  return [
    ['deep arrays', nested('[', ']', 200_000, '')],
    ['deep objects', nested('{"a":', '}', 60_000)],
    ['deep and never closed', '['.repeat(400_000)],
    ['deep in an event', withField(`"x":${nested('[', ']', 50_000, '')}`)],
    [
      'deep in a batch',
      `{"batch":[${withField(`"x":${nested('{"a":', '}', 900)}`)},${JSON.stringify(event)}]}`,
    ],
    ['deep context', `{"batch":[{}],"context":${nested('{"a":', '}', 5_000)}}`],
    ['deep sentAt', `{"batch":[{}],"sentAt":${nested('[', ']', 50_000, '')}}`],
    ['deep writeKey', `{"writeKey":${nested('[', ']', 50_000, '')}}`],
  ]
}

function numbers(): string[] {
  const digits = '9'.repeat(100_000)
  return [
    '1e400',
    '-1e400',
    '1e-400',
    '-0',
    digits,
    `0.${digits}`,
    '1e999999999',
    '9007199254740993',
  ]
}

function keys(): string[] {
  return [
    '"__proto__":{"isAdmin":true}',
    '"\\u005f_proto__":{"isAdmin":true}',
    '"constructor":{"prototype":{"isAdmin":true}}',
    '"x":{"__proto__":{"__proto__":{"isAdmin":true}}}',
    '"toString":1,"valueOf":2,"hasOwnProperty":3',
    '"toJSON":"x","then":"x","length":-1',
    '"a":1,"a":2,"a":{"a":3}',
    '"":"","\\u0000":"\\u0000"',
    '"x":"\\ud800","\\udfff":"\\ud800\\ud800"',
  ]
}

function encodings(): Record<string, Buffer> {
  const invalid = Buffer.concat([
    Buffer.from('{"type":"track","event":"'),
    Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
    Buffer.from('","userId":"1"}'),
  ])
  const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le')
  return {
    'UTF-8 with BOM': Buffer.from(`\ufeff${text}`),
    'UTF-16 LE': utf16,
    'UTF-16 BE': Buffer.from(utf16).swap16(),
    'UTF-16 without BOM': Buffer.from(text, 'utf16le'),
    'UTF-32': Buffer.from([...text].flatMap(char => [char.charCodeAt(0), 0, 0, 0])),
    'no UTF-8': invalid,
    'cut inside a character': Buffer.from('{"type":"track","event":"é').subarray(0, -1),
    EBCDIC: Buffer.from([0xc0, 0x7f, 0xa3, 0xa8, 0x97, 0x85, 0x7f, 0x7a]),
  }
}

/** Each field of an event as each kind of value. */
function fields(): unknown[] {
  const names = [
    'type',
    'event',
    'userId',
    'anonymousId',
    'messageId',
    'timestamp',
    'sentAt',
    'originalTimestamp',
    'properties',
    'traits',
    'context',
    'groupId',
    'previousId',
    'writeKey',
  ]
  const each = names.map(name => ({ batch: hostile.map(value => ({ ...event, [name]: value })) }))
  return [
    ...each,
    ...hostile,
    ...hostile.map(value => ({ batch: value })),
    ...hostile.map(value => [value]),
    { batch: hostile, context: 5, sentAt: {} },
  ]
}

function packed(): FuzzBody[] {
  const zeros = Buffer.alloc(20_000_000)
  const bomb = gzipSync(zeros)
  const good = gzipSync(text)
  return [
    { name: 'gzip bomb', bytes: bomb, encoding: 'gzip' },
    { name: 'gzip bomb, not told', bytes: bomb },
    { name: 'gzip of a gzip bomb', bytes: gzipSync(bomb), encoding: 'gzip' },
    {
      name: 'gzip bomb of JSON',
      bytes: gzipSync(`{"batch":[${'{},'.repeat(2_000_000)}{}]}`),
      encoding: 'gzip',
    },
    { name: 'deflate bomb', bytes: deflateSync(zeros), encoding: 'deflate' },
    {
      name: 'brotli bomb',
      bytes: brotliCompressSync(zeros.subarray(0, 5_000_000)),
      encoding: 'br',
    },
    { name: 'half a gzip', bytes: good.subarray(0, good.length >> 1), encoding: 'gzip' },
    { name: 'the head of a gzip', bytes: good.subarray(0, 10), encoding: 'gzip' },
    {
      name: 'gzip with a tail',
      bytes: Buffer.concat([good, Buffer.from('tail')]),
      encoding: 'gzip',
    },
    { name: 'two gzips', bytes: Buffer.concat([good, good]), encoding: 'gzip' },
    { name: 'gzip, said to be brotli', bytes: good, encoding: 'br' },
    { name: 'JSON, said to be gzip', bytes: Buffer.from(text), encoding: 'gzip' },
    { name: 'an encoding that nobody knows', bytes: good, encoding: 'gzip, gzip' },
    { name: 'an encoding of another kind', bytes: good, encoding: '__proto__' },
  ]
}
