import { partitionFor } from '../protocol/murmur2.ts'
import type { OutgoingRecord } from '../protocol/record-batch.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Append, Log, Producer } from '../runtime/log.ts'

export const PARTITIONS = 4
export const PRODUCTS = 240
const CATEGORIES = 6
const BATCH_ROWS = 4_000

export const userOf = (number: number): string => `user-${number}`
export const productOf = (number: number): string => `product-${number % PRODUCTS}`

/** A row of the job `email` as the shop of `npm start` makes them, some 700 bytes. */
export function featureRow(number: number, version: number, now: number): OutgoingRecord {
  const key = userOf(number)
  const lastViewed = Array.from({ length: 6 }, (_, at) => productOf(number * 7 + at * 31))
  const [one, two] = [productOf(number), productOf(number * 3 + 1)]
  const features = {
    ...{ views7d: number % 40, carts7d: number % 5, orders30d: number % 3, spend30d: number % 900 },
    ...{ orders: number % 12, units: number % 30, revenue: (number % 9_000) / 10, lastViewed },
    ...{ firstSeenAt: now - 1e9, lastSeenAt: now, lastOrderAt: now - 1e7 },
    cart: {
      items: [
        { id: one, name: `A ${one}`, price: 12.5, quantity: 1 },
        { id: two, name: `A ${two}`, price: 30, quantity: 2 },
      ],
      ...{ count: 3, value: 72.5, since: now - 1e6, abandonedSince: now - 1e5 },
    },
    rfm: { orders: number % 12, spend: number % 900, days: number % 90 },
  }
  const segments = number % 10 === 0 ? ['loyal'] : []
  return {
    key,
    value: JSON.stringify({ key, version: [version, 0], asOf: now, features, segments }),
  }
}

/** Sends rows by number, as a job does: many to a partition at once. */
export async function sendRows(
  producer: Producer,
  topic: string,
  numbers: Iterable<number>,
  version: number,
  clock: Clock,
): Promise<void> {
  let records = 0
  let byPartition = new Map<number, OutgoingRecord[]>()
  const flush = async () => {
    await producer.send(appendsOf(topic, byPartition))
    byPartition = new Map()
    records = 0
  }
  for (const number of numbers) {
    add(byPartition, featureRow(number, version, clock.now()))
    if (++records === BATCH_ROWS) await flush()
  }
  if (records > 0) await flush()
}

/** What the job `products` tells, and the catalogue. */
export async function sendProducts(log: Log, tells: string, catalogue: string): Promise<void> {
  const rows = new Map<number, OutgoingRecord[]>()
  const products = new Map<number, OutgoingRecord[]>()
  const weights = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      value: productOf(from + at * 13),
      weight: count - at,
    }))
  const rowOf = (key: string, features: object) => ({
    ...{ key, value: JSON.stringify({ key, version: [1, 0], asOf: 1, features, segments: [] }) },
  })
  for (let number = 0; number < PRODUCTS; number++) {
    const id = productOf(number)
    const category = `category ${number % CATEGORIES}`
    const lists = { coViewed: weights(number + 1, 20), coPurchased: weights(number + 2, 20) }
    add(rows, rowOf(id, { ...lists, views: 900 - number, purchases: 90, category }))
    const entry = {
      id,
      title: `A ${id}`,
      price: 9.5 + number,
      currency: 'EUR',
      stock: number % 50,
      category,
    }
    const links = { url: `https://shop.example/${id}`, image: `https://shop.example/${id}.png` }
    add(products, { key: id, value: JSON.stringify({ ...entry, ...links }) })
  }
  for (let number = 0; number < CATEGORIES; number++)
    add(rows, rowOf(`category:category ${number}`, { popular: weights(number, 20) }))
  const producer = log.producer()
  try {
    await producer.send([...appendsOf(tells, rows), ...appendsOf(catalogue, products)])
  } finally {
    await producer.close()
  }
}

function add(byPartition: Map<number, OutgoingRecord[]>, record: OutgoingRecord): void {
  const partition = partitionFor(Buffer.from(String(record.key)), PARTITIONS)
  const records = byPartition.get(partition)
  if (records === undefined) byPartition.set(partition, [record])
  else records.push(record)
}

function appendsOf(topic: string, byPartition: ReadonlyMap<number, OutgoingRecord[]>): Append[] {
  return Array.from(byPartition, ([partition, records]) => ({ topic, partition, records }))
}
