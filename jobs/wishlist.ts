import type { Bound, Feature } from './feature.ts'
import type { JobState } from './layout.ts'
import { type Product, type ProductOptions, productReader } from './product.ts'
import { checkOptions, eventNames, isWhole, predicate, type Selection } from './selection.ts'

export interface WishlistOptions extends ProductOptions, Pick<Selection, 'where' | 'purpose'> {
  /** 'Product Added to Wishlist' when left out. */
  readonly added?: string | readonly string[]
  /** 'Product Removed from Wishlist' when left out. */
  readonly removed?: string | readonly string[]
  /** The most products, 1 to 200; 50 when left out. Of more, those added longest ago go. */
  readonly keep?: number
}

/** `removed` ones are remembered while an earlier adding may still come. */
type Wish = [id: string, time: number, removed: boolean, name: string | null, price: number | null]

/**
 * What the user wishes for: a list of `{ id, at, name?, price? }`, `at` being when it was added, epoch ms, the
 * latest first; empty for a user who has none. By event time: of a product's addings and removals the latest
 * counts, in whatever order they come. A product takes about 25 bytes and its name.
 */
export function wishlist(options: WishlistOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'wishlist',
    options,
    compile(scope) {
      const own = ['added', 'removed', 'keep']
      checkOptions(scope, options, [...own, 'fields', 'optional', 'where', 'purpose'])
      const { keep = 50 } = options
      if (!isWhole(keep, 1, 200)) scope.fail(`keep is ${keep}`, 'write 1 to 200: keep: 50')
      const added = eventNames(scope, 'added', options.added ?? 'Product Added to Wishlist') ?? []
      const removed =
        eventNames(scope, 'removed', options.removed ?? 'Product Removed from Wishlist') ?? []
      if (added.some(name => removed.includes(name)))
        scope.fail('an event both adds and removes', 'name each in one of added and removed')
      const wanted = predicate(scope, options.where)
      const read = productReader(scope, options)
      const at = scope.cell('wishes', {
        create: () => [],
        merge(into, from, state) {
          for (const wish of from as Wish[]) put(into as Wish[], wish, state.now - scope.latestMs)
          return into
        },
      })
      const of = (state: JobState) => state.cells[at] as Wish[]

      /** Sorted by time, the latest first. */
      function put(wishes: Wish[], wish: Wish, reach: number): void {
        const known = wishes.findIndex(([id]) => id === wish[0])
        if (known >= 0) {
          if ((wishes[known] as Wish)[1] > wish[1]) return
          wishes.splice(known, 1)
        }
        const place = wishes.findIndex(([, time]) => time <= wish[1])
        wishes.splice(place < 0 ? wishes.length : place, 0, wish)
        for (let last = wishes.length - 1; last >= 0; last--)
          if ((wishes[last] as Wish)[2] && (wishes[last] as Wish)[1] < reach) wishes.splice(last, 1)
        if (wishes.length <= keep) return
        const spare = wishes.findLastIndex(([, , isRemoved]) => isRemoved)
        wishes.splice(spare < 0 ? wishes.length - 1 : spare, 1)
      }

      const bound = (events: readonly string[], isRemoved: boolean): Bound => ({
        events,
        takesLate: false,
        step: {
          read: event => (wanted(event) ? read(event.properties) : undefined),
          update(state, value, { timestamp }) {
            const { id, name, price } = value as Product
            const known = isRemoved ? [null, null] : [name, price]
            const wish = [id, timestamp, isRemoved, ...known] as Wish
            put(of(state), wish, state.now - scope.latestMs)
          },
        },
      })
      return {
        steps: [bound(added, false), bound(removed, true)],
        show: state =>
          of(state)
            .filter(([, , isRemoved]) => !isRemoved)
            .map(shownWish),
      }
    },
  }
}

function shownWish([id, at, , name, price]: Wish) {
  return { id, at, ...(name !== null && { name }), ...(price !== null && { price }) }
}
