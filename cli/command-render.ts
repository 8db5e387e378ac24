import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Command } from 'commander'
import type { Content } from '../content/block.ts'
import type { Rendered, Template, TemplateInput } from '../content/template.ts'
import type { CommandContext } from './context.ts'
import { flag } from './flags.ts'
import { UserError } from './user-error.ts'

interface RenderFlags {
  readonly features?: string
  readonly out: string
}

/** `millrace render <template>`: the parts of one reader's email, as files to look at. */
export function registerRender(program: Command, context: CommandContext): void {
  program
    .command('render')
    .description(
      'write the parts of one email (text, AMP, HTML, and the whole message) as files, and tell what is wrong with its template',
    )
    .argument('<template>', 'name of one that comes with millrace, or a path to an .mjml file')
    .addOption(
      flag(
        '--features <file>',
        'JSON: { "values": {…}, "blocks": { name: payload }, "ampUrls": { name: url } } (default: the .json beside the template)',
      ),
    )
    .addOption(flag('--out <folder>', 'folder to write to').default('emails'))
    .action((template: string, flags: RenderFlags) => renderCommand(template, flags, context))
}

async function renderCommand(
  template: string,
  flags: RenderFlags,
  context: CommandContext,
): Promise<void> {
  const { file, compiled } = await findTemplate(template)
  const path = flags.features ?? file.replace(/\.mjml$/, '.json')
  const input = await readInput(path)
  const rendered = compiled.render(input)
  const files = await partsOf(rendered, input, context.clock.now())
  await mkdir(flags.out, { recursive: true })
  context.print(`subject  ${rendered.subject}`)
  for (const [ending, content] of files) {
    const target = join(flags.out, `${compiled.name}.${ending}`)
    await writeFile(target, content)
    context.print(`wrote    ${target}, ${Buffer.byteLength(content)} bytes`)
  }
  if (rendered.amp === undefined) context.print('no AMP part: no "ampUrls" are given, or see below')
  for (const warning of [...rendered.warnings, ...compiled.missing(input)])
    context.print(`warning  ${warning}`)
}

async function findTemplate(name: string): Promise<{ file: string; compiled: Template }> {
  const { openTemplates, ownTemplates } = await import('../content/template-folder.ts')
  const { TemplateError } = await import('../content/template-error.ts')
  const isPath = name.endsWith('.mjml')
  const folder = isPath ? dirname(name) : ownTemplates()
  const templates = openTemplates(folder)
  const own = isPath ? basename(name, '.mjml') : name
  try {
    const compiled = await templates.find(own)
    if (compiled !== undefined) return { file: join(folder, `${own}.mjml`), compiled }
  } catch (error) {
    if (error instanceof TemplateError) throw new UserError(error.code, error.message, error)
    throw error
  }
  const names = isPath ? 'give a path to one' : `there are ${(await templates.names()).join(', ')}`
  throw new UserError('no_template', `there is no template ${name}: ${names}`)
}

async function readInput(path: string): Promise<TemplateInput> {
  const wrong = (found: string, cause?: unknown) =>
    new UserError(
      'bad_features',
      `${path}: expected { "values": {…}, "blocks": { name: {…} }, "ampUrls": { name: "https://…" } }, found ${found}`,
      cause,
    )
  let input: unknown
  try {
    input = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw wrong(error instanceof SyntaxError ? 'no JSON' : 'no such file; give --features', error)
  }
  if (!isObject(input)) throw wrong('no object')
  const { values = {}, blocks = {}, ampUrls = {}, ...others } = input
  const [other] = Object.keys(others)
  if (other !== undefined) throw wrong(`"${other}"`)
  if (!isObject(values)) throw wrong('"values" that are no object')
  if (!isAll(blocks, isObject)) throw wrong('a block that is no object')
  if (!isAll(ampUrls, isText)) throw wrong('an AMP URL that is no text')
  return { values, blocks, ampUrls }
}

/** The endings and contents of the files. */
async function partsOf(
  { subject, text, amp, html }: Rendered,
  { values = {} }: TemplateInput,
  now: number,
): Promise<[ending: string, content: string][]> {
  const { buildMime } = await import('../content/mime.ts')
  const { links } = values
  const url = isObject(links) && isText(links.unsubscribe) ? links.unsubscribe : ''
  const message = buildMime({
    from: { name: 'Millrace', address: 'shop@shop.example' },
    to: { address: 'reader@example.com' },
    ...{ subject, text, amp, html, date: now, messageId: 'preview@shop.example' },
    ...(/^https:\/\/[\x21-\x2b\x2d-\x7e]+$/.test(url) && { unsubscribe: { url } }),
  })
  return [
    ['txt', text],
    ...(amp === undefined ? [] : [['amp.html', amp] as [string, string]]),
    ['html', html],
    ['eml', message],
  ]
}

function isObject(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isAll<Value>(
  values: unknown,
  is: (value: unknown) => value is Value,
): values is Record<string, Value> {
  return isObject(values) && Object.values(values).every(is)
}
