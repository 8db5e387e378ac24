import { Problem } from '../http/problem.ts'
import type { Door } from './door.ts'
import type { Source } from './intake.ts'
import { answerTaken, type RejectedRow, readRows } from './listed.ts'
import { productIdCharsMax, productReader } from './product-row.ts'
import { type Sink, SinkFull, type SinkRecord } from './sink.ts'
import { productsTopic } from './topics.ts'

export interface ProductsDoor extends Pick<Door, 'app' | 'guard' | 'clock'> {
  /** Products are no events. */
  readonly sink: Sink
}

/**
 * `POST /v1/products`: one product, an array, or `{ "products": [...] }`, at most 1,000, into the compacted topic
 * `products`; of one id the last counts. `DELETE /v1/products/:id` takes one out. Answered once that is safe.
 */
export function addProductRoutes({ app, guard, clock, sink }: ProductsDoor): void {
  const read = productReader()
  app.post('/v1/products', async (request, reply) => {
    refusePages(await guard.sourceOf(request))
    const records: SinkRecord[] = []
    const rejected: RejectedRow[] = []
    for (const [index, row] of readRows(request, 'products').entries()) {
      const product = read(row, clock.now())
      if ('id' in product)
        records.push({ topic: productsTopic, key: product.id, value: product.value })
      else rejected.push({ index, ...product })
    }
    if (records.length > 0) await put(sink, records)
    return answerTaken(reply, records.length, rejected)
  })

  app.delete<{ Params: { id: string } }>('/v1/products/:id', async (request, reply) => {
    refusePages(await guard.sourceOf(request))
    const { id } = request.params
    if (id === '' || id.length > productIdCharsMax || !id.isWellFormed())
      throw new Problem(400, 'bad_id', `an id has 1 to ${productIdCharsMax} characters`)
    await put(sink, [{ topic: productsTopic, key: id, value: null }])
    return answerTaken(reply, 1, [])
  })
}

/** The key of a page is known to whoever reads the page, and the catalogue goes into everybody's emails. */
function refusePages({ name, origins = [] }: Source): void {
  if (origins.every(origin => origin === 'loopback')) return
  const detail = `the key ${name} is for pages (it has origins), and those may not change the catalogue: use one without origins, which no page knows`
  throw new Problem(403, 'key_for_pages', detail)
}

/** What cannot be kept now is to be sent again, as at the intake. */
async function put(sink: Sink, records: readonly SinkRecord[]): Promise<void> {
  try {
    await sink.put(records)
  } catch (error) {
    if (!(error instanceof SinkFull)) throw error
    const headers = { 'Retry-After': String(error.retryAfterSeconds) }
    throw new Problem(429, error.code, error.message, headers)
  }
}
