import { shortTexts } from '../state/short-texts.ts'
import { JsonScan, parse } from './json-scan.ts'
import { Literal, Viewed } from './literal.ts'

/**
 * Reads objects that hold only plain texts, usual numbers, true, false and null from JSON that has been checked, when
 * one with the same names was read before: names are compared instead of read, and each object is made in the same
 * order, so in the same hidden class. A third of the time of `JSON.parse`, and the same objects.
 */
export class FlatObjects {
  readonly #scan = new JsonScan()
  readonly #viewed = new Viewed()
  readonly #shapes: FlatShape[] = []
  #misses = 0

  /** `undefined`: it is another kind of object. There are no escapes in it, and only ASCII. */
  read(bytes: Buffer, start: number, end: number): Record<string, unknown> | undefined {
    const shapes = this.#shapes
    const view = this.#viewed.of(bytes)
    for (let index = 0; index < shapes.length; index++) {
      const found = this.#readAs(shapes[index] as FlatShape, bytes, view, start, end)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Reads any object, and may remember its shape. */
  learn(bytes: Buffer, start: number, end: number): Record<string, unknown> {
    const object = parse(bytes, start, end, 0) as Record<string, unknown>
    if (this.#misses++ % missesPerLesson !== 0) return object
    const shape = shapeOf(object, bytes, start, end, this.#scan)
    if (shape === undefined) return object
    if (this.#shapes.length === shapesMax) this.#shapes.pop()
    this.#shapes.unshift(shape)
    return object
  }

  #readAs(
    { names, literals, last }: FlatShape,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): Record<string, unknown> | undefined {
    const scan = this.#scan
    scan.over(bytes, end)
    const object: Record<string, unknown> = {}
    let at = start
    for (let index = 0; index < names.length; index++) {
      const literal = literals[index] as Literal
      if (!literal.lies(view, at)) return undefined
      at += literal.length
      const behind = bytes[at] === QUOTE ? scan.text(at) : scan.value(at)
      if (behind === -1) return undefined // white space stands here, and there was none in the shape
      const value = scalarAt(bytes, at, behind)
      if (value === undefined) return undefined
      object[names[index] as string] = value
      at = behind
    }
    return last.lies(view, at) && at + last.length === end ? object : undefined
  }
}

/** An object that cannot be read so is not looked at each time. */
const missesPerLesson = 16
const shapesMax = 16
const namesMax = 64
const digitsMax = 15

/** A literal before each value, and one behind them. */
interface FlatShape {
  readonly names: readonly string[]
  readonly literals: readonly Literal[]
  readonly last: Literal
}

/** `undefined` for an object that cannot be read so. */
function shapeOf(
  object: Record<string, unknown>,
  bytes: Buffer,
  start: number,
  end: number,
  scan: JsonScan,
): FlatShape | undefined {
  const names = Object.keys(object)
  if (names.length > namesMax || names.includes('__proto__')) return undefined
  scan.over(bytes, end)
  const literals: Literal[] = []
  let from = start
  let at = scan.space(start + 1)
  for (const [index, name] of names.entries()) {
    const nameEnd = scan.text(at)
    // Another name stands there where one came twice, or where they are numbers, which JSON.parse puts in order.
    if (bytes.toString('latin1', at + 1, nameEnd - 1) !== name) return undefined
    const value = scan.space(scan.space(nameEnd) + 1)
    const behind = scan.value(value)
    if (scalarAt(bytes, value, behind) === undefined) return undefined
    literals.push(new Literal(bytes.subarray(from, value)))
    from = behind
    at = scan.space(behind)
    // The first of two with the same name may be the object's last.
    if (bytes[at] !== (index === names.length - 1 ? CLOSE_BRACE : COMMA)) return undefined
    at = scan.space(at + 1)
  }
  return { names, literals, last: new Literal(bytes.subarray(from, end)) }
}

/** `undefined`: it is no scalar, or one that `JSON.parse` should read. */
function scalarAt(bytes: Buffer, start: number, end: number): unknown {
  switch (bytes[start]) {
    case QUOTE:
      return shortTexts.at(bytes, start + 1, end - start - 2)
    case 0x74:
      return true
    case 0x66:
      return false
    case 0x6e:
      return null
    default:
      return decimalAt(bytes, start, end)
  }
}

/**
 * Up to 15 digits with a point among them: whole number and power of ten are exact then, so their quotient is the
 * double nearest to what is written.
 */
function decimalAt(bytes: Buffer, start: number, end: number): number | undefined {
  const isNegative = bytes[start] === MINUS
  let whole = 0
  let behindPoint = -1
  if (end - start > digitsMax) return undefined
  for (let at = isNegative ? start + 1 : start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === POINT) behindPoint = at + 1
    else if (byte >= ZERO && byte <= NINE) whole = whole * 10 + (byte - ZERO)
    else return undefined
  }
  const number = behindPoint === -1 ? whole : whole / (powersOfTen[end - behindPoint] as number)
  return isNegative ? -number : number
}

const powersOfTen = Array.from({ length: digitsMax + 1 }, (_, power) => 10 ** power)
const QUOTE = 0x22
const COMMA = 0x2c
const CLOSE_BRACE = 0x7d
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
