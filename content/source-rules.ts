import { hasMark } from './tags.ts'
import type { Fail } from './template-error.ts'

/** Elements of MJML that hold HTML or text; a tag stands in them as it does in a text. */
export const contentElements = new Set([
  ...['mj-text', 'mj-button', 'mj-table', 'mj-raw', 'mj-title', 'mj-preview', 'mj-style'],
])

/** Elements between whose children a section may begin. The columns of a section are not: their widths are fixed. */
export const repeatable = new Set(['mj-body', 'mj-wrapper', 'mj-column', 'mr-block'])

const mjmlElements = new Set([
  ...['mjml', 'mj-head', 'mj-attributes', 'mj-all', 'mj-class', 'mj-breakpoint', 'mj-body'],
  ...['mj-wrapper', 'mj-section', 'mj-group', 'mj-column', 'mj-image', 'mj-divider', 'mj-spacer'],
  ...contentElements,
])

/** HTML that AMP4EMAIL and the usual clients have. An email is no place for what runs, asks or embeds. */
const htmlElements = new Set([
  ...['a', 'abbr', 'b', 'bdi', 'blockquote', 'br', 'caption', 'code', 'del', 'div', 'em', 'h1'],
  ...['h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'ins', 'li', 'ol', 'p', 's', 'small', 'span'],
  ...['strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'u', 'ul'],
])

/** In `mj-head`'s `mj-raw`: it goes into the HTML part only. */
const headElements = new Set(['meta', 'style'])

const urlAttributes = new Set(['href', 'src', 'background-url', 'background'])
const textAttributes = new Set(['alt', 'title'])

export function checkElement(
  name: string,
  attributes: Readonly<Record<string, string>>,
  within: readonly string[],
  line: number,
  fail: Fail,
): void {
  if (/^m[jr]-|^mjml$/.test(name)) {
    if (!mjmlElements.has(name))
      fail(
        line,
        `<${name}> is not known, or does not work in all parts of an email`,
        'there are mj-text, mj-button, mj-image, mj-table, mj-divider, mj-spacer and mr-block',
      )
    if (name === 'mj-image' && !within.includes('mj-attributes')) checkImage(attributes, line, fail)
    return
  }
  const allowed = within.includes('mj-head') ? headElements : htmlElements
  if (!allowed.has(name.toLowerCase()))
    fail(line, `<${name}> is forbidden in AMP for email, or useless in it`, 'leave it out')
  if (name === 'img') checkImage(attributes, line, fail)
}

export function checkAttribute(
  element: string,
  attribute: string,
  value: string,
  line: number,
  fail: Fail,
): void {
  if (/^on/i.test(attribute)) fail(line, `${attribute} is script`, 'leave it out')
  if (urlAttributes.has(attribute)) {
    if (hasMark(value) && !/^\s*mrv\d+q\s*$/.test(value))
      fail(
        line,
        `${attribute}="…" is put together of a URL and a value`,
        'a URL is one value, whole and encoded, of the payload: href="{{url}}"',
      )
    if (hasMark(value) && attribute.startsWith('background'))
      fail(line, `${attribute} cannot be a value`, 'Outlook needs it fixed; use an <mj-image>')
    if (!hasMark(value) && !/^\s*(https?:\/\/|mailto:)/i.test(value))
      fail(line, `${attribute}="${value}" is no absolute http, https or mailto URL`, 'write one')
    return
  }
  if (hasMark(value) && !textAttributes.has(attribute))
    fail(
      line,
      `<${element} ${attribute}="…"> holds a value`,
      'a value can be a text, or all of an href, src, alt or title',
    )
}

function checkImage(attributes: Readonly<Record<string, string>>, line: number, fail: Fail): void {
  for (const side of ['width', 'height'])
    if (!/^\d{1,4}(px)?$/.test(attributes[side] ?? ''))
      fail(line, `an image has no ${side} in pixels`, `AMP needs both: ${side}="120px"`)
  if (attributes.alt === undefined)
    fail(
      line,
      'an image has no alt text',
      'most see it first without images; alt="" where it only decorates',
    )
}
