import { AMP_BYTES_MAX, ampList, ampPart, ampTemplate, withExtensions } from './amp-part.ts'
import type { Content } from './block.ts'
import { safeUrl } from './escape.ts'
import { htmlPart } from './html-part.ts'
import { compileMjml } from './mjml.ts'
import {
  asHtml,
  asText,
  type Pieces,
  type Scope,
  toPieces,
  type Writing,
  write,
} from './personalise.ts'
import { missingFromSample } from './sample-check.ts'
import { mark, markTags, type Tag } from './tags.ts'
import { type Fail, failing } from './template-error.ts'
import { readSource } from './template-source.ts'
import { textPart, tidyText } from './text-part.ts'

/** What one reader's email is made of. */
export interface TemplateInput {
  /** What `{{names}}` outside of blocks mean. */
  readonly values?: Readonly<Record<string, unknown>>
  /** Of each block by name what it shows now; inside it, names mean this alone, as they do in AMP. */
  readonly blocks?: Readonly<Record<string, Content>>
  /** Of each block by name where AMP asks again; https. Without any, there is no AMP part. */
  readonly ampUrls?: Readonly<Record<string, string>>
}

export interface Rendered {
  readonly subject: string
  readonly text: string
  /** Left out without `ampUrls`, and where it would be too large for AMP: then the email is its HTML. */
  readonly amp: string | undefined
  readonly html: string
  /** What is not as it should be, though the email can go out: at most 20, without any value in them. */
  readonly warnings: readonly string[]
}

export interface Template {
  readonly name: string
  readonly blocks: readonly string[]
  /** Never throws for what the input contains, and takes well under a millisecond. */
  render(input: TemplateInput): Rendered
  /** Names that the template uses and this input does not have: `file:line: …`, at most 50. */
  missing(sample: TemplateInput): string[]
}

/** Gmail shows no more of an email's HTML: https://www.caniemail.com does not list it, and every sender has met it. */
const HTML_BYTES_MAX = 102_400
const SOURCE_CHARACTERS_MAX = 500_000
const warningsMax = 20

/**
 * Compiles a template: MJML, with `{{values}}`, `{{#sections}}…{{/sections}}`, `{{^inverted}}…{{/inverted}}`, and
 * `<mr-block name>` around what AMP is to ask for again. Tens of milliseconds, once.
 * Throws a `TemplateError` that names file and line.
 */
export function compileTemplate(name: string, source: string, file = `${name}.mjml`): Template {
  const fail = failing(file)
  if (source.length > SOURCE_CHARACTERS_MAX)
    fail(0, `the template has ${source.length} characters`, `at most ${SOURCE_CHARACTERS_MAX}`)
  const marked = markTags(source, fail)
  const { tags } = marked
  const { mjml, blocks } = readSource(marked, fail)
  const html = htmlPart(compileMjml(mjml, fail), tags, fail)
  const amp = ampPart(html, fail)
  const parts = {
    subject: toPieces(titleOf(html, tags, fail), tags),
    text: toPieces(textPart(html, tags), tags),
    amp: toPieces(amp, tags),
    html: toPieces(html, tags),
  }
  const templates = blocks.map((_, at) => ampTemplate(between(amp, at), tags))

  function render({ values = {}, blocks: payloads = {}, ampUrls }: TemplateInput): Rendered {
    const warnings: string[] = []
    const warn = (warning: string) => {
      if (warnings.length < warningsMax && !warnings.includes(warning)) warnings.push(warning)
    }
    const refused = (path: string, line: number) =>
      warn(`${file}:${line}: {{${path}}} is no absolute http, https or mailto URL and was left out`)
    const scope: Scope = { view: values, parent: undefined }
    const payloadOf = (at: number): Scope => {
      const block = blocks[at]?.name ?? ''
      const view = Object.hasOwn(payloads, block) ? payloads[block] : undefined
      if (view === undefined || view === null) warn(`block ${block} came without a payload`)
      return { view: view ?? {}, parent: undefined }
    }
    const writing = (how: Pick<Writing, 'escape' | 'link' | 'noUrl'>): Writing => {
      const own: Writing = {
        ...how,
        refused,
        block: ({ at, body }) => write(body, payloadOf(at), own),
      }
      return own
    }
    const inHtml = writing(asHtml)
    const inText = writing(asText)
    const inAmp: Writing = {
      ...inHtml,
      block: block => {
        const element = blocks[block.at]
        const now = inHtml.block(block)
        if (element === undefined) return now
        const url = safeUrl(ampUrls?.[element.name] ?? '')
        if (url?.startsWith('https://'))
          return ampList(element, url, templates[block.at] ?? '', now)
        warn(`block ${element.name} has no https URL for AMP and stays as it is`)
        return now
      },
    }

    const rendered = {
      subject: write(parts.subject, scope, inText).trim(),
      text: tidyText(write(parts.text, scope, inText)),
      html: write(parts.html, scope, inHtml),
    }
    const htmlBytes = Buffer.byteLength(rendered.html)
    if (htmlBytes > HTML_BYTES_MAX)
      warn(`the HTML has ${htmlBytes} bytes: Gmail clips it after ${HTML_BYTES_MAX}`)
    return { ...rendered, amp: ampFor(ampUrls, parts.amp, scope, inAmp, warn), warnings }
  }

  return {
    name,
    blocks: blocks.map(block => block.name),
    render,
    missing: sample => missingFromSample(file, parts.html, blocks, sample),
  }
}

function ampFor(
  urls: TemplateInput['ampUrls'],
  pieces: Pieces,
  scope: Scope,
  writing: Writing,
  warn: (warning: string) => void,
): string | undefined {
  if (urls === undefined || Object.keys(urls).length === 0) return undefined
  const amp = withExtensions(write(pieces, scope, writing))
  const bytes = Buffer.byteLength(amp)
  if (bytes <= AMP_BYTES_MAX) return amp
  warn(`the AMP part has ${bytes} bytes, allowed are ${AMP_BYTES_MAX}: it was left out`)
  return undefined
}

function titleOf(html: string, tags: readonly Tag[], fail: Fail): string {
  const title = /<title>([\s\S]*?)<\/title>/.exec(html)?.[1]?.trim() ?? ''
  if (title === '')
    fail(1, 'the email has no subject', 'write <mj-head><mj-title>…</mj-title></mj-head>')
  return textPart(`<p>${title}</p>`, tags).trim()
}

/** What stands between a block's marks. */
function between(text: string, at: number): string {
  const begin = mark('b', at)
  return text.slice(text.indexOf(begin) + begin.length, text.indexOf(mark('d', at)))
}
