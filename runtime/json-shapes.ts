import { type Found, fieldNamed, fields } from './found.ts'
import { beyondAscii, type JsonScan } from './json-scan.ts'
import { Literal, Viewed } from './literal.ts'

/**
 * What the events of one producer have in common: all but their values.
 *
 *     {"type":"track","userId":"u1","properties":{"price":5}}
 *     └──1───┘       └───2────┘    └──────────3─────────┘ └4┘
 *
 * Events that were read once are kept as such pieces, in a tree, since shapes begin alike: each piece stands under
 * the one before it. An event that follows a way through the tree, with any JSON value between two pieces, is JSON,
 * and its fields lie where the pieces say. Pieces are compared, which takes a quarter of the time of reading them.
 */
export class JsonShapes {
  readonly #scan: JsonScan
  readonly #found: Found
  readonly #root = new Piece(new Uint8Array())
  #pieces = 0
  #bytes = 0
  readonly #viewed = new Viewed()

  constructor(scan: JsonScan, found: Found) {
    this.#scan = scan
    this.#found = found
  }

  /** Fills `found`; false, with anything in it: the event has no shape that is known. */
  find(bytes: Buffer, start: number, end: number): boolean {
    const scan = this.#scan
    const found = this.#found
    found.forget()
    scan.over(bytes, end)
    const view = this.#viewed.of(bytes)
    let marks = 0
    let at = start
    let piece = this.#root
    for (;;) {
      const next = piece.next(view, at)
      if (next === undefined) return false
      piece = next
      marks |= piece.marks
      if (piece.closed !== -1) found.close(piece.closed, at + piece.closedAt, marks)
      if (piece.opened !== -1) found.open(piece.opened, at + piece.openedAt)
      at += piece.length
      if (piece.isLast) return at === end
      scan.marks = 0
      const valueEnd = bytes[at] === QUOTE ? scan.text(at) : scan.value(at)
      if (valueEnd === -1) return false
      marks |= scan.marks
      if (piece.field !== -1) found.put(piece.field, at, valueEnd, scan.marks)
      at = valueEnd
    }
  }

  /** Remembers the shape of an event, which is known to be JSON, with no escapes in its names. */
  learn(bytes: Buffer, start: number, end: number): void {
    if (this.#pieces >= piecesMax || this.#bytes >= bytesMax) return
    if (end - start > shapeBytesMax) return
    const drawn = new Drawing(this.#scan, bytes, start, end).pieces
    if (drawn.length > piecesPerShapeMax) return
    let parent = this.#root
    for (const piece of drawn) {
      const known = parent.children.find(each => each.equals(piece))
      if (known === undefined) {
        if (parent.children.length >= childrenMax) return
        parent.children.push(piece)
        this.#pieces++
        this.#bytes += piece.length
      }
      parent = known ?? piece
    }
  }
}

/** Bounds on what is kept, in all some 4 MB at most; producers whose names are data fill it, and no more is learnt. */
const piecesMax = 4_096
const bytesMax = 1024 * 1024 // each is kept twice, as bytes and as words
const childrenMax = 32
const piecesPerShapeMax = 256
const shapeBytesMax = 16 * 1024

/** Bytes between two values, and what they say about fields. */
class Piece {
  readonly length: number
  readonly children: Piece[] = []
  readonly marks: number
  isLast = false
  /** The field whose value comes next, if it is no object with members. */
  field = -1
  /** The field whose object begins, or ends, in these bytes; and where. */
  opened = -1
  openedAt = 0
  closed = -1
  closedAt = 0
  private readonly literal: Literal

  constructor(bytes: Uint8Array) {
    this.literal = new Literal(bytes)
    this.length = bytes.length
    this.marks = bytes.some(byte => byte >= 0x80) ? beyondAscii : 0
  }

  next(view: DataView, at: number): Piece | undefined {
    const { children } = this
    for (let index = 0; index < children.length; index++) {
      const child = children[index] as Piece
      if (child.literal.lies(view, at)) return child
    }
    return undefined
  }

  equals(other: Piece): boolean {
    return this.isLast === other.isLast && this.literal.equals(other.literal)
  }
}

/** The pieces of one event; of one with too many only some more than may be kept. */
class Drawing {
  readonly pieces: Piece[] = []
  readonly #scan: JsonScan
  readonly #bytes: Buffer
  /** Where the piece in hand begins. */
  #from: number
  #opened = -1
  #openedAt = 0
  #closed = -1
  #closedAt = 0

  constructor(scan: JsonScan, bytes: Buffer, start: number, end: number) {
    this.#scan = scan
    this.#bytes = bytes
    this.#from = start
    scan.over(bytes, end)
    this.#object(start, true)
    this.#end(end).isLast = true
  }

  /** Answers the position behind it. */
  #object(start: number, isTop: boolean): number {
    const scan = this.#scan
    let at = scan.space(start + 1)
    while (this.#bytes[at] !== CLOSE_BRACE && this.pieces.length <= piecesPerShapeMax) {
      const nameEnd = scan.text(at)
      const name = isTop ? fieldNamed(this.#bytes, at + 1, nameEnd - 1) : undefined
      const value = scan.space(scan.space(nameEnd) + 1)
      at = scan.space(this.#value(value, name ?? -1))
      if (this.#bytes[at] === COMMA) at = scan.space(at + 1)
    }
    return at + 1
  }

  #value(start: number, field: number): number {
    const isPart = field >= fields.properties
    if ((field !== -1 && !isPart) || !this.#hasMembers(start)) {
      this.#end(start).field = field
      this.#from = this.#scan.value(start)
      return this.#from
    }
    if (isPart) {
      this.#opened = field
      this.#openedAt = start - this.#from
    }
    const end = this.#object(start, false)
    if (isPart) {
      this.#closed = field
      this.#closedAt = end - this.#from
    }
    return end
  }

  #hasMembers(start: number): boolean {
    return (
      this.#bytes[start] === OPEN_BRACE && this.#bytes[this.#scan.space(start + 1)] !== CLOSE_BRACE
    )
  }

  #end(at: number): Piece {
    const piece = new Piece(this.#bytes.subarray(this.#from, at))
    piece.opened = this.#opened
    piece.openedAt = this.#openedAt
    piece.closed = this.#closed
    piece.closedAt = this.#closedAt
    this.#opened = -1
    this.#closed = -1
    this.pieces.push(piece)
    return piece
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
