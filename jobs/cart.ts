import {
  type Cart,
  cartItems,
  cartOf,
  changeCart,
  clearCart,
  mergeCarts,
  replaceCart,
} from './cart-lines.ts'
import type { Event } from './event.ts'
import type { Bound, Feature } from './feature.ts'
import type { JobState, Plain } from './layout.ts'
import { money } from './money.ts'
import { type Product, type ProductOptions, productReader, productsReader } from './product.ts'
import { checkOptions, eventNames, isWhole, predicate, type Selection } from './selection.ts'

export interface CartOptions extends ProductOptions, Pick<Selection, 'where' | 'purpose'> {
  /** Adds the event's quantity of a product, 1 where it has none. 'Product Added' when left out. */
  readonly added?: string | readonly string[]
  /** Takes the quantity out; without one, the whole line. 'Product Removed' when left out. */
  readonly removed?: string | readonly string[]
  /** Says the new quantity of one product. None when left out. */
  readonly changed?: string | readonly string[]
  /** Says all that is in the cart, as a list `products`. 'Cart Updated' when left out. */
  readonly updated?: string | readonly string[]
  /** Empties it. 'Order Completed' when left out. */
  readonly cleared?: string | readonly string[]
  /** The most lines, 1 to 100; 20 when left out. Of more, those that changed longest ago go. */
  readonly keep?: number
}

/**
 * What is in the user's cart now:
 *
 *     { items: [{ id, name?, price?, quantity }], count, value, since, abandonedSince }
 *
 * `count` adds up the quantities, and `value` quantity × price, whatever the currency; `since` is when the oldest
 * of the items came into it, `abandonedSince` when it last changed, both epoch ms, null while it is empty.
 *
 * By event time, in whatever order events come: an order empties the cart as it was then, and a removal takes
 * out what was in it then; of one moment, what empties or replaces it comes last. A line remembers its last 8 changes, what came before as one. An order counts however
 * late it comes; the others, later than the job's lateness, go to `<job>.late`. A line takes about 30 bytes and
 * its name, and 11 more for each change: at most about 10 KB for 20 lines.
 */
export function cart(options: CartOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'cart',
    options,
    compile(scope) {
      const own = ['added', 'removed', 'changed', 'updated', 'cleared', 'keep']
      checkOptions(scope, options, [...own, 'fields', 'optional', 'where', 'purpose'])
      const { keep = 20 } = options
      if (!isWhole(keep, 1, 100)) scope.fail(`keep is ${keep}`, 'write 1 to 100 lines: keep: 20')
      const wanted = predicate(scope, options.where)
      const read = productReader(scope, options)
      const readList = productsReader(scope, read, 'products')
      const bounds = { keep, latestMs: scope.latestMs }
      const at = scope.cell('lines', {
        create: () => [0, 0],
        merge: (into, from) => mergeCarts(cartOf(into), cartOf(from), bounds) as Plain[],
      })
      const of = (state: JobState): Cart => cartOf(state.cells[at] as Plain[])

      const steps: Bound[] = []
      const names = new Set<string>()
      function on<Value>(
        option: 'added' | 'removed' | 'changed' | 'updated' | 'cleared',
        byDefault: string | undefined,
        reads: (event: Event) => Value | undefined,
        does: (cart: Cart, value: Value, time: number) => void,
      ): void {
        const events = eventNames(scope, option, options[option] ?? byDefault)
        if (events === undefined) return
        for (const name of events) {
          if (names.has(name))
            scope.fail(
              `'${name}' does two things`,
              'name each event in one of added, removed, changed, updated and cleared',
            )
          names.add(name)
        }
        steps.push({
          events,
          takesLate: option === 'cleared',
          step: {
            read: event => (wanted(event) ? reads(event) : undefined),
            update: (state, value, event) => does(of(state), value as Value, event.timestamp),
          },
        })
      }
      const one = (event: Event) => read(event.properties)
      on('added', 'Product Added', one, (cart, product, time) => {
        const change = { sets: false, quantity: product.quantity ?? 1, time }
        changeCart(cart, product, change, bounds)
      })
      on('removed', 'Product Removed', one, (cart, product, time) => {
        const { quantity } = product
        const change = { sets: quantity === undefined, quantity: 0 - (quantity ?? 0), time }
        changeCart(cart, product, change, bounds)
      })
      on('changed', undefined, one, (cart, product, time) => {
        const { quantity } = product
        if (quantity !== undefined)
          changeCart(cart, product, { sets: true, quantity, time }, bounds)
      })
      on(
        'updated',
        'Cart Updated',
        event => readList(event.properties),
        (cart, products: Product[], time) => replaceCart(cart, products, time, bounds),
      )
      on(
        'cleared',
        'Order Completed',
        () => true,
        (cart, _, time) => clearCart(cart, time),
      )
      return { steps, show: state => shownCart(of(state)) }
    },
  }
}

function shownCart(cart: Cart) {
  const items = cartItems(cart)
  let count = 0
  let value = 0
  const shown = items.map(({ id, name, price, quantity }) => {
    count += quantity
    value += (price ?? 0) * quantity
    return shownItem(id, name, price, quantity)
  })
  const since = items[0]?.addedAt ?? null
  const abandonedSince = since === null ? null : cart[1]
  return { items: shown, count, value: money(value), since, abandonedSince }
}

/** Four shapes by name, since spreads of what is there or not cost a microsecond for each. */
function shownItem(id: string, name: string | null, price: number | null, quantity: number) {
  if (name !== null && price !== null) return { id, name, price, quantity }
  if (name !== null) return { id, name, quantity }
  return price === null ? { id, quantity } : { id, price, quantity }
}
