import {
  isComment,
  isEmptyElement,
  isTag,
  isText,
  type Node,
  parseHtml,
  styleText,
  tightText,
  writtenAttributes,
} from './dom.ts'
import { hasMark, mark, marks, type Tag } from './tags.ts'
import type { Fail } from './template-error.ts'

/**
 * The HTML of one source: what MJML made, without its indentation, with marks in URLs told apart, and images that keep
 * their shape when the screen is narrower than they are.
 */
export function htmlPart(html: string, tags: readonly Tag[], fail: Fail): string {
  const refuse = (where: string, text: string): never => {
    const [, , at] = marks().exec(text) ?? []
    return fail(tags[Number(at)]?.line ?? 0, `a value stands in ${where}`, 'put it into a text')
  }
  const write = (node: Node): string => {
    if (isText(node)) {
      const { parent } = node
      return tightText(node.data, parent !== null && isTag(parent) ? parent : null)
    }
    if (isComment(node)) {
      if (hasMark(node.data)) refuse("Outlook's copy of an attribute", node.data)
      return `<!--${node.data.replace(/>\s+</g, '><')}-->`
    }
    if (!isTag(node)) return 'data' in node ? `<${node.data}>` : ''
    const { name } = node
    if (name === 'style') {
      const css = styleText(node)
      if (hasMark(css)) refuse('a style', css)
      return css.trim() === ''
        ? ''
        : `<style${writtenAttributes(node.attribs)}>${tightCss(css)}</style>`
    }
    const attributes = writtenAttributes(
      urlsMarked(name === 'img' ? flexible(node.attribs) : node.attribs),
    )
    if (isEmptyElement(name)) return `<${name}${attributes}>`
    return `<${name}${attributes}>${node.children.map(write).join('')}</${name}>`
  }
  return parseHtml(html).children.map(write).join('').trim()
}

/** A value that is all of a URL is checked as one, wherever it stands. */
function urlsMarked(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name, value]) => value !== '' || name === 'alt')
      .map(([name, value]) => {
        const kind = name === 'href' ? 'u' : name === 'src' ? 'i' : undefined
        if (name === 'style') return [name, withoutDefaults(value)]
        if (kind === undefined) return [name, value]
        return [name, value.trim().replace(marks(), (_, _kind, at) => mark(kind, at))]
      }),
  )
}

/** The attributes say the proportion, the style that the width decides. */
function flexible(attributes: Readonly<Record<string, string>>): Record<string, string> {
  const { style = '', ...others } = attributes
  return { ...others, style: style.replace(/(^|;)height:\s*\d+px/, '$1height:auto') }
}

/** What MJML says though no client thinks otherwise; checkers of clients' abilities, and readers, stumble over it. */
function withoutDefaults(style: string): string {
  return style
    .replace(/(^|;)\s*(cursor:\s*auto|text-transform:\s*none|word-spacing:\s*normal)(?=;|$)/g, '')
    .replace(/^;/, '')
}

function tightCss(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/\s*([{};,])\s*/g, '$1')
    .trim()
}
