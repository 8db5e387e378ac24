import { parseArgs } from 'node:util'
import { Unpackr } from 'msgpackr'
import { encodeRecordBatch, RecordReader } from '../protocol/record-batch.ts'
import { decodeRecord } from '../runtime/decode.ts'
import { type WorkloadEvent, workload } from './events.ts'
import { sizeFlag } from './flags.ts'
import { encodeEvent, type Format } from './input.ts'
import { table } from './results.ts'

export const decodeHelp = `npm run bench -- decode [flags]

  What it costs to make an event of a record's bytes: CPU µs per record of a batch, by turns for a library's parser
  (JSON.parse, msgpackr), for an event of which no object is asked for, and for one whose properties are. Over the
  events of the comparison, and over the same with the context that analytics.js sends.

  --size small|large    2,000 events, or 20,000 (default)`

const eventsOf = { small: 2_000, large: 20_000 }
const recordsPerBatch = 500
const rounds = 10
const unpackr = new Unpackr({ mapsAsObjects: true, int64AsType: 'number' })

/** The benchmark as the command runs it. Fails where the two ways see different properties. */
export async function decode(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { size: { type: 'string', default: 'large' } },
  })
  const events = [...workload({ events: eventsOf[sizeFlag(values.size)], users: 5_000, seed: 1 })]
  const sets = { comparison: events, 'analytics.js': events.map(withContext) }
  const rows = Object.entries(sets).flatMap(([name, list]) =>
    (['json', 'msgpack'] as const).map(format => measured(name, list, format)),
  )
  const heads = [
    'events',
    'format',
    'bytes',
    'parser µs',
    'event µs',
    'with properties µs',
    'of the parser',
  ]
  console.log(table(heads, rows))
}

function measured(name: string, events: readonly WorkloadEvent[], format: Format) {
  const values = events.map(event => Buffer.from(encodeEvent(event, format)))
  const batches = batchesOf(events, values)
  const ways = [parser(format), event, properties]
  const micros = ways.map(() => 0)
  const seen = ways.map(() => 0)
  for (let round = -2; round < rounds; round++)
    for (const [at, way] of ways.entries()) {
      const before = process.cpuUsage()
      for (const batch of batches) {
        const reader = new RecordReader(batch)
        while (reader.next()) seen[at] = (seen[at] ?? 0) + way(reader)
      }
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) micros[at] = (micros[at] ?? 0) + user + system
    }
  if (seen[0] !== seen[2])
    throw new Error(`the prices sum to ${seen[2]}, and by the parser to ${seen[0]}`)
  const each = micros.map(sum => Number((sum / rounds / events.length).toFixed(2)))
  const bytes = Math.round(values.reduce((sum, { length }) => sum + length, 0) / values.length)
  return [name, format, bytes, ...each, Number(((each[2] ?? 0) / (each[0] ?? 1)).toFixed(2))]
}

/** As an event needs them: one user, one time, the price. */
function parser(format: Format): (record: RecordReader) => number {
  return record => {
    const value = record.value() ?? Buffer.alloc(0)
    const { userId, timestamp, properties } =
      format === 'json' ? JSON.parse(value.toString()) : unpackr.unpack(value)
    return userId !== '' && Date.parse(timestamp) > 0 ? properties.price : 0
  }
}

const event = (record: RecordReader) => decodeRecord(record).timestamp
const properties = (record: RecordReader) => Number(decodeRecord(record).properties.price)

function batchesOf(events: readonly WorkloadEvent[], values: readonly Buffer[]): Buffer[] {
  const records = events.map(({ userId }, index) => ({ key: userId, value: values[index] ?? null }))
  const starts = Array.from({ length: Math.ceil(records.length / recordsPerBatch) }, (_, at) => at)
  return starts.map(at =>
    encodeRecordBatch(records.slice(at * recordsPerBatch, (at + 1) * recordsPerBatch), {
      now: Date.UTC(2100, 0),
    }),
  )
}

/** https://segment.com/docs/connections/spec/common/#context-fields-automatically-collected */
function withContext(event: WorkloadEvent): WorkloadEvent {
  const url = `https://shop.example/p/${event.properties.product_id}`
  return {
    ...event,
    context: {
      ...event.context,
      ip: '203.0.113.7',
      library: { name: 'analytics.js', version: 'npm:next-1.81.0' },
      locale: 'de-DE',
      page: { path: '/p', referrer: 'https://www.example/', search: '', title: 'Ein Laden', url },
      timezone: 'Europe/Berlin',
      userAgent:
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
      userAgentData: {
        brands: [
          { brand: 'Not/A)Brand', version: '8' },
          { brand: 'Chromium', version: '126' },
        ],
        mobile: false,
        platform: 'Windows',
      },
    },
  }
}
