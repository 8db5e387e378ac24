import { DomUtils, parseDocument } from 'htmlparser2'

export type Document = ReturnType<typeof parseDocument>
export type Node = Document['children'][number]
export type Element = NonNullable<ReturnType<typeof DomUtils.findOne>>

export const { isTag, isText, isComment } = DomUtils

/** With entities as they stand: what is written again must say the same. */
export function parseHtml(html: string): Document {
  return parseDocument(html, { decodeEntities: false, lowerCaseAttributeNames: false })
}

/** With entities decoded, to be read. */
export function parseReadable(html: string): Document {
  return parseDocument(html)
}

/** The content of one `<style>`. */
export function styleText(style: Element): string {
  return style.children.map(child => (isText(child) ? child.data : '')).join('')
}

export function declarationsOf(style: string): [name: string, value: string][] {
  return style.split(';').flatMap((each): [string, string][] => {
    const colon = each.indexOf(':')
    return colon === -1
      ? []
      : [[each.slice(0, colon).trim().toLowerCase(), each.slice(colon + 1).trim()]]
  })
}

export function writtenAttributes(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${value.replaceAll('"', '&quot;')}"`)
    .join('')
}

const empty = new Set(['br', 'hr', 'img', 'meta', 'link', 'input', 'col', 'area', 'wbr'])

export function isEmptyElement(name: string): boolean {
  return empty.has(name)
}

/** Elements in which only other elements count, and whitespace is nothing. */
const holders = new Set(['html', 'head', 'table', 'tbody', 'thead', 'tfoot', 'tr'])

/** Runs of whitespace as one: MJML indents, and Gmail clips what is larger than 102 KB. */
export function tightText(text: string, within: Element | null): string {
  if (within !== null && holders.has(within.name)) return text.trim()
  return text.replace(/\s+/g, found => (found.includes('\n') ? '\n' : ' '))
}

/** Whether a browser throws a text in it out, in front of the table. */
export function isTablePart(element: Element | null): boolean {
  return element !== null && /^(table|tbody|thead|tfoot|tr)$/.test(element.name)
}

/** What stands in for the sender's preview of the letter, and is not to be seen in it. */
export function isHidden(element: Element): boolean {
  return /^\s*display:\s*none/.test(element.attribs.style ?? '')
}
