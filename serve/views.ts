import { join } from 'node:path'
import { readCatalogueRow } from './catalogue-row.ts'
import { TopicView, type TopicViewOptions } from './topic-view.ts'

export interface ViewsOptions extends Omit<TopicViewOptions, 'readRow' | 'optional'> {
  readonly products?: string
  readonly catalogue?: string
  readonly pairs?: string
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
}

/** Opens each topic's view in a folder of its own below `folder`. Rejects with a `ViewError`. */
export async function openViews(options: ViewsOptions): Promise<Views> {
  const all: TopicView[] = []
  const open = async (name: string, more: Partial<TopicViewOptions> = {}) => {
    const view = await TopicView.open({ ...options, folder: join(options.folder, name), ...more })
    all.push(view)
    return view
  }
  const { products, catalogue, pairs } = options
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
      all,
    }
  } catch (error) {
    await Promise.all(all.map(view => view.close()))
    throw error
  }
}
