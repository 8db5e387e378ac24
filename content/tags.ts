import type { Fail } from './template-error.ts'

/** One `{{…}}` of a template. `line` is that of the file, from 1. */
export interface Tag {
  readonly kind: 'value' | 'section' | 'inverted' | 'close'
  /** `name`, `customer.name`, or `.` for the item itself. */
  readonly path: string
  readonly line: number
}

/** A text in which each tag is replaced by its mark, on the same line; `tags[n]` is that of mark n. */
export interface Marked {
  readonly text: string
  readonly tags: readonly Tag[]
}

/**
 * What a mark stands for: `v` a tag in a text or an attribute, `u` a tag that is all of a URL, `i` of an image's, `b` and `d`
 * where a block begins and is done. A mark is letters and digits alone, so that nothing on the way (MJML, an HTML parser, a
 * serializer) has a reason to touch it.
 */
export type MarkKind = 'v' | 'u' | 'i' | 'b' | 'd'

export function mark(kind: MarkKind, at: number): string {
  return `mr${kind}${at}q`
}

/** A new one each time: it is stateful. The groups are the kind and the number. */
export function marks(): RegExp {
  return /mr([vuibd])(\d{1,5})q/g
}

export function hasMark(text: string): boolean {
  return marks().test(text)
}

const tagsMax = 5_000
const words: Readonly<Record<string, string>> = {
  each: 'write {{#items}}…{{/items}}: a section repeats for each item of a list',
  if: 'write {{#name}}…{{/name}}: a section is shown when its value is there',
  unless: 'write {{^name}}…{{/name}}',
  with: 'write {{#name}}…{{/name}}',
  else: 'close the section and open {{^name}}…{{/name}}',
}

/**
 * Finds the tags: those that mean the same to amp-mustache, which is Mustache without unescaped values, partials and
 * changed delimiters (https://amp.dev/documentation/components/amp-mustache, "Restrictions").
 */
export function markTags(source: string, fail: Fail): Marked {
  const foreign = marks().exec(source)
  if (foreign !== null)
    fail(lineAt(source, foreign.index), `the word ${foreign[0]} is ours`, 'write another word')
  const tags: Tag[] = []
  let text = ''
  let at = 0
  for (;;) {
    const start = source.indexOf('{{', at)
    if (start === -1) break
    const line = lineAt(source, start)
    if (source[start + 2] === '{')
      fail(line, 'three braces put a value in unescaped', 'write {{name}}')
    const end = source.indexOf('}}', start)
    const inside = end === -1 ? '\n' : source.slice(start + 2, end)
    if (inside.includes('\n')) fail(line, 'a {{ has no }} on its line', 'close it, or write &#123;')
    text += source.slice(at, start)
    at = end + 2
    if (inside.startsWith('!')) continue
    if (tags.length === tagsMax)
      fail(line, `there are more than ${tagsMax} tags`, 'split the template')
    text += mark('v', tags.length)
    tags.push(readTag(inside, line, fail))
  }
  return { text: text + source.slice(at), tags }
}

function readTag(inside: string, line: number, fail: Fail): Tag {
  const [, sigil = '', path = ''] = /^\s*([#^/&>=]?)\s*(.*?)\s*$/.exec(inside) ?? []
  const [word = ''] = path.split(/\s/)
  const instead = words[word]
  if (instead !== undefined && (sigil !== '' || word === 'else'))
    fail(line, `{{${inside}}} is no Mustache, which the AMP part is in`, instead)
  if (sigil === '&') fail(line, `{{${inside}}} puts a value in unescaped`, 'write {{name}}')
  if (sigil === '>' || sigil === '=')
    fail(line, `{{${inside}}} is not known to AMP`, 'write variables and sections only')
  if (!/^(\.|[A-Za-z_]\w{0,63}(\.\w{1,64}){0,7})$/.test(path))
    fail(line, `{{${inside}}} is no name`, 'write {{name}}, {{customer.name}} or {{.}}')
  const kinds = { '': 'value', '#': 'section', '^': 'inverted', '/': 'close' } as const
  return { kind: kinds[sigil as keyof typeof kinds], path, line }
}

/** The tag as amp-mustache reads it. */
export function written({ kind, path }: Tag): string {
  const sigil = { value: '', section: '#', inverted: '^', close: '/' }[kind]
  return `{{${sigil}${path}}}`
}

/** Of a position in the text, from 1. */
export function lineAt(text: string, index: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++
  return line
}
