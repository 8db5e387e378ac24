import { escapeHtml, oneLine, safeUrl } from './escape.ts'
import { type MarkKind, marks, type Tag } from './tags.ts'

/** A compiled part of an email. */
export type Pieces = readonly Piece[]
export type Piece = string | Value | Section | BlockPiece

interface Value {
  readonly kind: 'value'
  readonly names: readonly string[]
  readonly path: string
  readonly line: number
  readonly is: 'text' | 'link' | 'image'
}

interface Section {
  readonly kind: 'section' | 'inverted'
  readonly names: readonly string[]
  readonly path: string
  readonly line: number
  readonly body: Pieces
}

export interface BlockPiece {
  readonly kind: 'block'
  /** Its place in the template's list of blocks. */
  readonly at: number
  readonly body: Pieces
}

/** Where names are looked up: what the section is about, then what surrounds it. */
export interface Scope {
  readonly view: unknown
  readonly parent: Scope | undefined
}

export interface Writing {
  /** What a value becomes in this part. */
  readonly escape: (text: string) => string
  readonly block: (block: BlockPiece) => string
  /** What a URL becomes that is as it should be. */
  readonly link: (url: string) => string
  /** What stands where one is missing or refused. */
  readonly noUrl: string
  /** A URL that is not put in, with its place. */
  readonly refused: (path: string, line: number) => void
}

const useOf: { readonly [kind in MarkKind]?: Value['is'] } = { u: 'link', i: 'image' }

/** AMP must have a URL in each link; the one that stands for none is nobody's, ever (RFC 6761, 6.4). */
export const asHtml = { escape: escapeHtml, link: escapeHtml, noUrl: 'https://invalid.invalid/' }
export const asText = {
  escape: oneLine,
  link: (url: string) => url.replace(/^mailto:/i, ''),
  noUrl: '',
}

/** Makes the pieces of a text with marks. Sections are known to be closed (template-source.ts). */
export function toPieces(text: string, tags: readonly Tag[]): Pieces {
  const root: Piece[] = []
  const open: Piece[][] = [root]
  let into = root
  let at = 0
  const enter = (body: Piece[]) => {
    open.push(body)
    into = body
  }
  for (const match of text.matchAll(marks())) {
    if (match.index > at) into.push(text.slice(at, match.index))
    at = match.index + match[0].length
    const kind = match[1] as MarkKind
    const number = Number(match[2])
    const tag = tags[number]
    if (kind === 'b') {
      const body: Piece[] = []
      into.push({ kind: 'block', at: number, body })
      enter(body)
    } else if (kind === 'd' || tag?.kind === 'close') {
      open.pop()
      into = open.at(-1) ?? root
    } else if (tag !== undefined) {
      const { path, line } = tag
      const names = path === '.' ? [] : path.split('.')
      if (tag.kind === 'value')
        into.push({ kind: 'value', names, path, line, is: useOf[kind] ?? 'text' })
      else {
        const body: Piece[] = []
        into.push({
          kind: tag.kind === 'section' ? 'section' : 'inverted',
          names,
          path,
          line,
          body,
        })
        enter(body)
      }
    }
  }
  if (at < text.length) into.push(text.slice(at))
  return root
}

/** The text for one reader. Costs microseconds: nothing is parsed here. */
export function write(pieces: Pieces, scope: Scope, writing: Writing): string {
  let out = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') out += piece
    else if (piece.kind === 'value') out += writeValue(piece, lookUp(piece.names, scope), writing)
    else if (piece.kind === 'block') out += writing.block(piece)
    else out += writeSection(piece, lookUp(piece.names, scope), scope, writing)
  }
  return out
}

function writeValue({ is, path, line }: Value, value: unknown, writing: Writing): string {
  const text = shown(value)
  if (is === 'text') return text === '' ? '' : writing.escape(text)
  const url = safeUrl(text)
  if (url !== undefined && (is === 'link' || /^http/i.test(url))) return writing.link(url)
  writing.refused(path, line)
  return writing.noUrl
}

/** As `String` of what JSON can hold, but for an object with a `toString` of its own, for which that throws. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'object') return String(value)
  return Array.isArray(value) ? value.map(shown).join() : '[object Object]'
}

/** What counts as there is JavaScript's truth, but for an empty list: so mustache.js has it, and with it AMP. */
function writeSection(section: Section, value: unknown, scope: Scope, writing: Writing): string {
  const { kind, body } = section
  const isThere = Array.isArray(value) ? value.length > 0 : Boolean(value)
  if (kind === 'inverted') return isThere ? '' : write(body, scope, writing)
  if (!isThere) return ''
  if (value === true) return write(body, scope, writing)
  if (!Array.isArray(value)) return write(body, { view: value, parent: scope }, writing)
  let out = ''
  for (const view of value) out += write(body, { view, parent: scope }, writing)
  return out
}

/**
 * As `Context.lookup` of mustache.js 4.2.0, which amp-mustache is: a name that the item has, even as null, hides the
 * outer one; of `a.b`, an item without `b` in its `a` hides nothing. Own properties only, so a payload's
 * `constructor` is what the payload says.
 */
export function lookUp(names: readonly string[], scope: Scope): unknown {
  const [first = '', ...rest] = names
  if (names.length === 0) return scope.view
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    if (rest.length === 0) {
      if (isObject(at.view) && Object.hasOwn(at.view, first)) return at.view[first]
      continue
    }
    let value = at.view
    for (let step = 0; value !== undefined && value !== null; step++) {
      const name = names[step] ?? ''
      const holder: Record<string, unknown> = Object(value)
      const isHit = Object.hasOwn(holder, name)
      value = isHit ? holder[name] : undefined
      if (step === names.length - 1) {
        if (isHit) return value
        break
      }
    }
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
