import { lookUp, type Piece, type Pieces, type Scope } from './personalise.ts'
import type { TemplateInput } from './template.ts'
import type { BlockElement } from './template-source.ts'

const foundMax = 50

/**
 * The names of a template that a sample does not have: values that are missing anywhere, and sections that are missing
 * everywhere, since a section is how a template asks whether something is there. Of a section that the sample does not
 * show, the inside is not looked at: there is nothing that its names could be looked up in.
 */
export function missingFromSample(
  file: string,
  pieces: Pieces,
  blocks: readonly BlockElement[],
  { values = {}, blocks: payloads = {} }: TemplateInput,
): string[] {
  const missing = new Map<Piece, string>()
  const there = new Set<Piece>()
  const look = (piece: Piece, scope: Scope): void => {
    if (typeof piece === 'string') return
    if (piece.kind === 'block') {
      const { name, line } = blocks[piece.at] ?? { name: '', line: 0 }
      const view = Object.hasOwn(payloads, name) ? payloads[name] : undefined
      if (view !== undefined) lookAll(piece.body, { view, parent: undefined })
      else missing.set(piece, `${file}:${line}: block "${name}" is not in the sample`)
      return
    }
    const { kind, path, line } = piece
    const value = lookUp(piece.names, scope)
    if (value === undefined) missing.set(piece, `${file}:${line}: {{${path}}} is not in the sample`)
    else if (kind !== 'value') there.add(piece)
    if (kind === 'inverted') lookAll(piece.body, scope)
    if (kind !== 'section' || !value) return
    const items: unknown[] = Array.isArray(value) ? value : [value]
    for (const view of items) lookAll(piece.body, view === true ? scope : { view, parent: scope })
  }
  const lookAll = (all: Pieces, scope: Scope) => {
    for (const piece of all) look(piece, scope)
  }
  lookAll(pieces, { view: values, parent: undefined })
  const found = [...missing].flatMap(([piece, fault]) => (there.has(piece) ? [] : [fault]))
  return [...new Set(found)].slice(0, foundMax)
}
