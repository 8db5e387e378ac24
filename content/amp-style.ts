import { declarationsOf } from './dom.ts'

/** What AMP refuses, and what only other clients read. */
const foreignDeclaration = /^(mso-|-|color-scheme|supported-color-schemes|behavior$|cursor$)/
const foreignSelector = /:root|#outlook|\.moz-|\[data-og|\.mj-outlook|u \+|mso/i
const keptAtRule = /^@media\b(?!.*prefers-color-scheme)/i

/**
 * A style sheet as AMP4EMAIL takes it (https://amp.dev/documentation/guides-and-tutorials/email/learn/email-spec/amp-email-css):
 * without `!important`, at-rules other than `@media`, and dark mode, of which AMP for email knows nothing.
 */
export function ampCss(css: string): string {
  return rules(css.replace(/\/\*[\s\S]*?\*\//g, ''))
    .map(({ head, body }) => {
      if (head.startsWith('@')) {
        const inner = keptAtRule.test(head) ? ampCss(body) : ''
        return inner === '' ? '' : `${head}{${inner}}`
      }
      const selectors = head
        .split(',')
        .filter(selector => !foreignSelector.test(selector) && !/<|!--/.test(selector))
      const kept = ampDeclarations(body)
      return selectors.length === 0 || kept === '' ? '' : `${selectors.join(',')}{${kept}}`
    })
    .join('')
}

export function ampDeclarations(style: string): string {
  return declarationsOf(style)
    .filter(
      ([name, value]) =>
        /^[a-z-]+$/.test(name) &&
        !foreignDeclaration.test(name) &&
        /^[^<>{}\\]+$/.test(value) &&
        !/expression\(/i.test(value),
    )
    .map(([name, value]) => `${name}:${value.replace(/\s*!important/i, '')}`)
    .join(';')
}

/** Inline styles as classes, each once: rules of the sheet can then outdo them without `!important`. */
export class StyleClasses {
  private readonly names = new Map<string, string>()

  of(style: string): string | undefined {
    const declarations = ampDeclarations(style)
    if (declarations === '') return undefined
    const name = this.names.get(declarations) ?? `m${this.names.size}`
    this.names.set(declarations, name)
    return name
  }

  css(): string {
    return [...this.names].map(([declarations, name]) => `.${name}{${declarations}}`).join('')
  }
}

interface Rule {
  readonly head: string
  readonly body: string
}

/** The rules at the top. One that is cut off by the end is left out, as browsers do. */
function rules(css: string): Rule[] {
  const found: Rule[] = []
  let depth = 0
  let start = 0
  let brace = 0
  for (let at = 0; at < css.length; at++) {
    const sign = css[at]
    if (sign === ';' && depth === 0) start = at + 1
    if (sign === '{' && depth++ === 0) brace = at
    if (sign !== '}' || depth === 0 || --depth > 0) continue
    const head = css.slice(start, brace).replace(/\s+/g, ' ').trim()
    found.push({ head, body: css.slice(brace + 1, at).trim() })
    start = at + 1
  }
  return found
}
