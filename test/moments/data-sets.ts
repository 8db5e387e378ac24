import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'
import { retailLines } from '../retail/lines.ts'
import type { MomentRow } from './rows.ts'

/**
 * Page views, clients and visits of the Wikipedia data, as its publisher and its copy count them: a visit is over
 * after more than 30 minutes. Two pauses are of 30 minutes to the second, which end a session of ours.
 */
export const wikipedia = {
  ...{ views: 63_524, clients: 10_000 },
  ...{ visits: 22_224, pausesOfHalfAnHour: 2 },
}

export const wikipediaMissing =
  'the Wikipedia data is not here; MILLRACE_WIKIPEDIA_DATA names its folder'

const file = 'session_dataset.csv.gz'

/**
 * Wikipedia's readers (reconstructr::session_dataset as one gzipped CSV; 0.69 % of it lies 1 to 19 s behind) in the
 * folder that MILLRACE_WIKIPEDIA_DATA names, or beside the project. `undefined`: it is not here.
 */
export function findWikipedia(environment = process.env): string | undefined {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const beside = join(root, '..', 'shared', 'data', 'wikipedia-sessions')
  const path = join(environment.MILLRACE_WIKIPEDIA_DATA ?? beside, file)
  return existsSync(path) ? path : undefined
}

/** Who and when are real; the url is some text, and where its length is a multiple of nine the view is called a return. */
export async function wikipediaRows(path: string, most: number): Promise<MomentRow[]> {
  const rows: MomentRow[] = []
  const parser = parse({ columns: ['user', 'timestamp', 'url'], from_line: 2 })
  const flowing = pipeline(createReadStream(path), createGunzip(), parser)
  flowing.catch(error => parser.destroy(error))
  for await (const record of parser) {
    const { user, timestamp, url } = record as { user: string; timestamp: string; url: string }
    rows.push({
      ...{ user, ms: Date.parse(`${timestamp}Z`), product: url || '(none)', amount: url.length },
      event: url.length % 9 === 0 ? 'Returned' : 'Bought',
      kind: url.split('/')[3] || 'home',
    })
  }
  await flowing
  return rows.slice(0, most)
}

/** The lines of a retail CSV that name a customer, each an event. */
export async function retailRows(path: string, most: number): Promise<MomentRow[]> {
  const rows: MomentRow[] = []
  for await (const { customer, invoice, quantity, price, product, date } of retailLines(path)) {
    if (rows.length === most) break
    if (customer === '') continue
    rows.push({
      user: customer,
      event: invoice.startsWith('C') ? 'Returned' : 'Bought',
      ms: Date.parse(`${date.replace(' ', 'T')}Z`),
      amount: Math.round(Math.abs(quantity) * price * 1024) / 1024,
      product,
      kind: product.slice(0, 2),
    })
  }
  return rows
}
