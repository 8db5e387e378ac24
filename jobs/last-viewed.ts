import type { Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { type Product, type ProductOptions, productReader } from './product.ts'
import { checkOptions, eventNames, isWhole, predicate, type Selection } from './selection.ts'

export interface LastViewedOptions extends ProductOptions, Selection {
  /** 'Product Viewed' when left out. */
  readonly of?: string | readonly string[]
  /** How many products, 1 to 100; 10 when left out. */
  readonly keep?: number
  /** What to keep of each beside its id and time: any of 'name', 'price' and 'url'. Nothing when left out. */
  readonly with?: readonly Detail[]
}

type Detail = 'name' | 'price' | 'url'
/** The details in the order of `with`. */
type View = [id: string, time: number, ...details: (string | number | null)[]]

/**
 * The products viewed last: a list of `{ id, at, name?, price?, url? }`, `at` being the last view in epoch ms,
 * the latest first; empty for a user who has none. By event time, in whatever order the views come. A product
 * takes about 20 bytes, and its details at most 600 more.
 */
export function lastViewed(options: LastViewedOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'lastViewed',
    options,
    compile(scope) {
      const own = ['of', 'where', 'keep', 'with', 'fields', 'optional', 'purpose']
      checkOptions(scope, options, own)
      const { keep = 10, with: details = [] } = options
      if (!isWhole(keep, 1, 100)) scope.fail(`keep is ${keep}`, 'write 1 to 100: keep: 10')
      const isDetail = (name: unknown) => name === 'name' || name === 'price' || name === 'url'
      if (
        !Array.isArray(details) ||
        !details.every(isDetail) ||
        new Set(details).size < details.length
      )
        scope.fail(
          `with is ${JSON.stringify(details)}`,
          "write with: ['name', 'price', 'url'], or some of them",
        )
      const wanted = predicate(scope, options.where)
      const read = productReader(scope, options)

      function put(views: View[], view: View): void {
        const known = views.findIndex(([id]) => id === view[0])
        if (known >= 0) {
          if ((views[known] as View)[1] > view[1]) return
          views.splice(known, 1)
        }
        const place = views.findIndex(([, time]) => time <= view[1])
        views.splice(place < 0 ? views.length : place, 0, view)
        if (views.length > keep) views.pop()
      }

      const at = scope.cell('views', {
        create: () => [],
        merge(into, from) {
          for (const view of from as View[]) put(into as View[], view)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as View[]
      return {
        steps: [
          {
            events: eventNames(scope, 'of', options.of ?? 'Product Viewed'),
            takesLate: true,
            step: {
              read: event => (wanted(event) ? read(event.properties) : undefined),
              update(state, value, { timestamp }) {
                const product = value as Product
                put(of(state), [product.id, timestamp, ...details.map(name => product[name])])
              },
            },
          },
        ],
        show: state =>
          of(state).map(([id, time, ...values]) => {
            const shown: Record<string, unknown> = { id, at: time }
            for (const [place, name] of details.entries())
              if (values[place] !== null) shown[name] = values[place]
            return shown
          }),
      }
    },
  }
}
