import { join } from 'node:path'
import { PackedValues } from '../state/packed-values.ts'
import { readCatalogueRow } from './catalogue-row.ts'
import { ROWS_BYTES_MAX } from './row-memory.ts'
import { TopicView, type TopicViewOptions } from './topic-view.ts'

export interface ViewsOptions extends Omit<TopicViewOptions, 'readRow' | 'optional' | 'packed'> {
  readonly products?: string
  readonly catalogue?: string
  readonly pairs?: string
  /** Of rows in memory, all together; 64 MiB when left out. */
  readonly rowsBytesMax?: number
}

/** All that a sidecar follows. */
export interface Views {
  /** Users' features. */
  readonly features: TopicView
  /** What the job `products` tells of each product and category (see jobs/products.ts). */
  readonly products: TopicView | undefined
  /** The catalogue: what can be bought now. */
  readonly catalogue: TopicView | undefined
  /** What the job `pairs` tells of users: what they viewed and bought last. */
  readonly pairs: TopicView | undefined
  readonly all: readonly TopicView[]
  /** After each was stopped, if it was started. */
  close(): Promise<void>
}

/** Opens each topic's view in a folder of its own below `folder`. Rejects with a `ViewError`. */
export async function openViews(options: ViewsOptions): Promise<Views> {
  const all: TopicView[] = []
  const packed = new PackedValues(options.rowsBytesMax ?? ROWS_BYTES_MAX)
  const open = async (name: string, more: Partial<TopicViewOptions> = {}) => {
    const view = await TopicView.open({
      ...{ ...options, packed, folder: join(options.folder, name) },
      ...more,
    })
    all.push(view)
    return view
  }
  const { products, catalogue, pairs, telemetry } = options
  const removals = [
    telemetry.gauge('millrace_view_memory_rows', () => [{ value: packed.count }]),
    telemetry.gauge('millrace_view_memory_bytes', () => [{ value: packed.byteLength }]),
  ]
  const close = async () => {
    for (const remove of removals) remove()
    await Promise.all(all.map(view => view.close()))
  }
  const optional = true
  try {
    return {
      features: await open('features'),
      products:
        products === undefined ? undefined : await open('products', { topic: products, optional }),
      catalogue:
        catalogue === undefined
          ? undefined
          : await open('catalogue', { topic: catalogue, optional, readRow: readCatalogueRow }),
      pairs: pairs === undefined ? undefined : await open('pairs', { topic: pairs, optional }),
      ...{ all, close },
    }
  } catch (error) {
    await close()
    throw error
  }
}
