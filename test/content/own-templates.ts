import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Content } from '../../content/block.ts'
import { compileTemplate, type Template, type TemplateInput } from '../../content/template.ts'
import { openTemplates, ownTemplates } from '../../content/template-folder.ts'

export interface Sampled {
  readonly template: Template
  readonly sample: Required<TemplateInput>
}

/** The templates that come with the package, each with the sample beside it. */
export async function sampledTemplates(): Promise<Sampled[]> {
  const folder = openTemplates(ownTemplates())
  const found: Sampled[] = []
  for (const name of await folder.names()) {
    const template = await folder.find(name)
    const sample = JSON.parse(readFileSync(join(ownTemplates(), `${name}.json`), 'utf8'))
    if (template !== undefined) found.push({ template, sample })
  }
  return found
}

/** A template of one part of a body, with a subject. */
export function small(body: string, head = ''): Template {
  return compileTemplate('small', mjml(body, head))
}

/** `body` begins on line 3. */
export function mjml(body: string, head = ''): string {
  return `<mjml><mj-head><mj-title>Subject</mj-title>${head}</mj-head>\n<mj-body>\n${body}\n</mj-body></mjml>`
}

/** One block `b` around rows. */
export function block(rows: string): string {
  return `<mr-block name="b">${rows}</mr-block>`
}

export function row(content: string): string {
  return `<mj-section><mj-column>${content}</mj-column></mj-section>`
}

export const ampUrls = { b: 'https://mail.example/amp/b?token=t' }

export function renderBlock(template: Template, b: Content) {
  return template.render({ blocks: { b }, ampUrls })
}
