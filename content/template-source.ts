import { Parser } from 'htmlparser2'
import { checkAttribute, checkElement, contentElements, repeatable } from './source-rules.ts'
import { lineAt, type Marked, mark, marks } from './tags.ts'
import type { Fail } from './template-error.ts'

/** An `<mr-block>`: what a client with AMP asks for again when the email is opened. */
export interface BlockElement {
  readonly name: string
  /** Of the list in AMP, in pixels; as high as what it shows when left out. */
  readonly height: number | undefined
  /** What a reader touches to see the rest, where the client gives it no more room. */
  readonly more: string
  readonly line: number
}

export interface TemplateSource {
  /** MJML with marks; line numbers are those of the file. */
  readonly mjml: string
  readonly blocks: readonly BlockElement[]
}

interface OpenElement {
  readonly name: string
  readonly line: number
  /** Sections opened in it and not closed yet. */
  readonly sections: { readonly path: string; readonly line: number }[]
}

const blocksMax = 50

/**
 * Checks a marked source and makes it MJML: tags between elements go into an `<mj-raw>`, and an `<mr-block>` becomes
 * the marks of its beginning and end. So MJML lays out all of it once, and what is dynamic is told apart afterwards.
 */
export function readSource({ text, tags }: Marked, fail: Fail): TemplateSource {
  const edits: { start: number; end: number; text: string }[] = []
  const blocks: BlockElement[] = []
  const open: OpenElement[] = []
  let block: number | undefined
  const line = () => lineAt(text, parser.startIndex)
  const names = () => open.map(({ name }) => name)

  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const parent = open.at(-1)
        open.push({ name, line: line(), sections: [] })
        if (name === 'mr-block') {
          if (parent?.name !== 'mj-body')
            fail(
              line(),
              `<mr-block> is in <${parent?.name}>`,
              'put it into <mj-body>, around sections',
            )
          if (blocks.length === blocksMax)
            fail(line(), `there are more than ${blocksMax} blocks`, 'join some')
          block = blocks.length
          blocks.push(readBlock(attributes, blocks, line(), fail))
          edits.push({ ...span(parser), text: raw(mark('b', block)) })
          return
        }
        checkElement(name, attributes, names(), line(), fail)
        for (const [attribute, value] of Object.entries(attributes)) {
          checkAttribute(name, attribute, value, line(), fail)
          for (const [, , at] of value.matchAll(marks()))
            if (tags[Number(at)]?.kind !== 'value')
              fail(line(), `${attribute}="…" holds a section`, 'put the section around the element')
        }
      },
      onclosetag(name, isImplied) {
        const closed = open.pop()
        if (closed === undefined) return
        const [left] = closed.sections
        if (left !== undefined)
          fail(
            left.line,
            `{{#${left.path}}} is not closed within its <${name}>`,
            `write {{/${left.path}}} before </${name}>`,
          )
        const closesItself = text.startsWith('/>', parser.endIndex - 1)
        if (isImplied && !closesItself && /^m[jr]/.test(name))
          fail(closed.line, `<${name}> is not closed`, `write </${name}>`)
        if (name !== 'mr-block' || block === undefined) return
        if (closesItself)
          fail(closed.line, 'the block is empty', 'write what it shows between its tags')
        edits.push({ ...span(parser), text: raw(mark('d', block)) })
        block = undefined
      },
      ontext() {
        const { start, end } = span(parser)
        const part = text.slice(start, end)
        const parent = open.at(-1)
        if (parent === undefined || part.trim() === '') return
        for (const match of part.matchAll(marks())) follow(Number(match[2]), parent)
        if (open.some(({ name }) => contentElements.has(name))) return
        const found = part.replace(marks(), '').trim()
        const at = lineAt(text, start + part.search(/\S/))
        if (found !== '')
          fail(
            at,
            `MJML loses the text "${found.slice(0, 40)}" in <${parent.name}>`,
            'put it into an <mj-text>',
          )
        if (!repeatable.has(parent.name))
          fail(
            at,
            `<${parent.name}> cannot hold a tag`,
            'put it into <mj-body>, <mj-wrapper> or <mj-column>, around what is to be repeated, or into a text',
          )
        edits.push({ start, end, text: part.replace(marks(), found => raw(found)) })
      },
    },
    { xmlMode: true, decodeEntities: false },
  )

  function follow(at: number, parent: OpenElement): void {
    const tag = tags[at]
    if (tag === undefined || tag.kind === 'value') return
    if (parent.name === 'mj-style') return
    const { path, line } = tag
    if (tag.kind !== 'close') {
      parent.sections.push({ path, line })
      return
    }
    const opened = parent.sections.pop()
    if (opened === undefined)
      fail(
        line,
        `{{/${path}}} closes no section of its <${parent.name}>`,
        `open and close a section in the same element: {{#${path}}}`,
      )
    if (opened.path !== path)
      fail(
        line,
        `{{/${path}}} closes {{#${opened.path}}} of line ${opened.line}`,
        `write {{/${opened.path}}}`,
      )
  }

  if (!/^\s*<mjml[\s>]/.test(text)) fail(1, 'this is no MJML', 'begin with <mjml>')
  parser.write(text)
  parser.end()
  let mjml = ''
  let at = 0
  for (const edit of edits) {
    const gone = text.slice(edit.start, edit.end).split('\n').length - edit.text.split('\n').length
    mjml += text.slice(at, edit.start) + edit.text + '\n'.repeat(Math.max(gone, 0))
    at = edit.end
  }
  return { mjml: mjml + text.slice(at), blocks }
}

function raw(text: string): string {
  return `<mj-raw>${text}</mj-raw>`
}

function span({ startIndex, endIndex }: Parser): { start: number; end: number } {
  return { start: startIndex, end: endIndex + 1 }
}

function readBlock(
  attributes: Readonly<Record<string, string>>,
  before: readonly BlockElement[],
  line: number,
  fail: Fail,
): BlockElement {
  const { name = '', height, more = 'Show more', ...others } = attributes
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name))
    fail(line, `a block's name is "${name}"`, 'write <mr-block name="cart">')
  if (before.some(other => other.name === name))
    fail(line, `there are two blocks "${name}"`, 'give each a name of its own')
  if (height !== undefined && !/^\d{1,4}(px)?$/.test(height))
    fail(
      line,
      `the height of block "${name}" is "${height}"`,
      'write height="300px", or leave it out',
    )
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    fail(line, `<mr-block> has no attribute ${unknown}`, 'it has name, height and more')
  return {
    name,
    height: height === undefined ? undefined : Number.parseInt(height, 10),
    more,
    line,
  }
}
