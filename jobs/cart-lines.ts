import type { Plain } from './layout.ts'
import type { Product } from './product.ts'

/**
 * A cart as it lies in the state: `[clearedAt, changedAt, line, line, …]`, times in epoch ms, 0: never. A line
 * remembers how its quantity changed, by time, so that changes may come in any order:
 *
 *     [id, name, price, time, sets, quantity, time, sets, quantity, …]
 *
 * `sets` says that the quantity is the new one, and not added (removed, where negative).
 */
export type Cart = [clearedAt: number, changedAt: number, ...lines: Line[]]
export type Line = [id: string, name: string | null, price: number | null, ...Change[]]
type Change = number | boolean

export interface CartBounds {
  readonly keep: number
  /** How far back an event may still come, ms. */
  readonly latestMs: number
}

/** Of one line; the two oldest become one. */
const changesMax = 8
const firstChange = 3

/** What a line comes to. */
export interface CartItem {
  readonly id: string
  readonly name: string | null
  readonly price: number | null
  readonly quantity: number
  /** When it last came into the cart. */
  readonly addedAt: number
}

/** Changes the quantity of a product at a time; nothing, when the cart was cleared then or later. */
export function changeCart(
  cart: Cart,
  product: Product,
  { sets, quantity, time }: { sets: boolean; quantity: number; time: number },
  bounds: CartBounds,
): void {
  if (time <= cart[0]) return
  addChange(cart, product, sets, quantity, time)
  bound(cart, time, bounds)
}

/** What was in it at that time, or earlier, is gone. */
export function clearCart(cart: Cart, time: number): void {
  if (time < cart[0]) return
  cart[0] = time
  if (cart[1] <= time) cart[1] = 0
  for (let at = cart.length - 1; at >= 2; at--) {
    const line = cart[at] as Line
    let gone = firstChange
    while (gone < line.length && (line[gone] as number) <= time) gone += 3
    line.splice(firstChange, gone - firstChange)
    if (line.length === firstChange) cart.splice(at, 1)
  }
}

/** These are in it at that time, and nothing else. */
export function replaceCart(
  cart: Cart,
  products: readonly Product[],
  time: number,
  bounds: CartBounds,
): void {
  if (time < cart[0]) return
  clearCart(cart, time)
  for (const product of products.slice(0, bounds.keep))
    addChange(cart, product, false, product.quantity ?? 1, time)
  bound(cart, time, bounds)
}

/** What is in the cart: what came first stands first. */
export function cartItems(cart: Cart): CartItem[] {
  const items: CartItem[] = []
  for (let at = 2; at < cart.length; at++) {
    const line = cart[at] as Line
    const { quantity, addedAt } = outcome(line)
    const [id, name, price] = line
    if (quantity > 0) items.push({ id, name, price, quantity, addedAt })
  }
  if (items.length < 2) return items
  return items.sort((left, right) => left.addedAt - right.addedAt || (left.id < right.id ? -1 : 1))
}

/** Into the first: the changes of both, by time. */
export function mergeCarts(into: Cart, from: Cart, bounds: CartBounds): Cart {
  if (from[0] > 0) clearCart(into, from[0])
  for (let at = 2; at < from.length; at++) {
    const line = from[at] as Line
    const [id, name, price] = line
    for (let change = firstChange; change < line.length; change += 3) {
      const [time, sets, quantity] = line.slice(change) as [number, boolean, number]
      // What a cart was replaced with has the time of its clearing.
      if (time > into[0] || (time === into[0] && time === from[0]))
        addChange(into, { id, name, price }, sets, quantity, time)
    }
  }
  if (from[1] > into[0]) into[1] = Math.max(into[1], from[1])
  bound(into, into[1], bounds)
  return into
}

function addChange(
  cart: Cart,
  { id, name, price }: Pick<Product, 'id' | 'name' | 'price'>,
  sets: boolean,
  quantity: number,
  time: number,
): void {
  cart[1] = Math.max(cart[1], time)
  let at = 2
  while (at < cart.length && (cart[at] as Line)[0] !== id) at++
  if (at === cart.length) cart.push([id, name, price])
  const line = cart[at] as Line
  let place = line.length
  while (place > firstChange && (line[place - 3] as number) > time) place -= 3
  const isNewest = place === line.length
  line.splice(place, 0, time, sets, quantity)
  if (name !== null && (isNewest || line[1] === null)) line[1] = name
  if (price !== null && (isNewest || line[2] === null)) line[2] = price
  if (line.length > firstChange + 3 * changesMax) joinOldest(line)
}

function joinOldest(line: Line): void {
  const two = line.slice(0, firstChange + 6) as Line
  line.splice(firstChange, 6, line[firstChange + 3] as number, true, outcome(two).quantity)
}

function outcome(line: Line): { quantity: number; addedAt: number } {
  let quantity = 0
  let addedAt = 0
  for (let at = firstChange; at < line.length; at += 3) {
    const before = quantity
    const change = line[at + 2] as number
    quantity = line[at + 1] === true ? change : Math.max(0, before + change)
    if (before === 0 && quantity > 0) addedAt = line[at] as number
  }
  return { quantity, addedAt }
}

/** Forgets empty lines that no event reaches any more, then, of too many, the empty ones, then those changed longest ago. */
function bound(cart: Cart, now: number, { keep, latestMs }: CartBounds): void {
  for (let at = cart.length - 1; at >= 2; at--) {
    const line = cart[at] as Line
    if (changedAt(line) < now - latestMs && outcome(line).quantity === 0) cart.splice(at, 1)
  }
  while (cart.length > 2 + keep) {
    let worst = 2
    for (let at = 3; at < cart.length; at++)
      if (lessWorth(cart[at] as Line, cart[worst] as Line)) worst = at
    cart.splice(worst, 1)
  }
}

function lessWorth(line: Line, other: Line): boolean {
  const [isEmpty, isOtherEmpty] = [outcome(line).quantity === 0, outcome(other).quantity === 0]
  if (isEmpty !== isOtherEmpty) return isEmpty
  return changedAt(line) < changedAt(other)
}

function changedAt(line: Line): number {
  return line[line.length - 3] as number
}

/** The state's own type says less. */
export function cartOf(cell: Plain[]): Cart {
  return cell as Cart
}
