import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'
import { millrace } from './millrace.ts'

const test = suite('millrace render', { timeoutMs: 60_000 })
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-render-'))
})
test.after(() => rm(folder, { recursive: true }))

test('writes the parts of an email and the whole message, and tells what is missing', async () => {
  const features = join(folder, 'features.json')
  await writeFile(
    features,
    JSON.stringify({
      values: {
        firstName: 'Zoë',
        shop: { name: 'Shop' },
        links: { unsubscribe: 'https://a.example/u' },
      },
      blocks: { cart: { items: [], total: '' } },
      ampUrls: { cart: 'https://a.example/amp' },
    }),
  )
  const { code, stdout, stderr } = await millrace([
    ...['render', 'abandoned-cart', '--features', features, '--out', join(folder, 'out')],
  ])
  assert.is(code, 0, stderr)
  assert.match(stdout, 'subject  Zoë, your cart is still here\n')
  assert.match(
    stdout,
    /warning {2}.*abandoned-cart\.mjml:\d+: \{\{shop.address\}\} is not in the sample/,
  )
  const part = (ending: string) => readFile(join(folder, 'out', `abandoned-cart.${ending}`), 'utf8')
  assert.match(await part('txt'), 'Your cart is empty now')
  assert.match(await part('html'), 'Your cart is empty now')
  assert.match(await part('amp.html'), '<html ⚡4email')
  assert.match(await part('eml'), 'List-Unsubscribe: <https://a.example/u>\r\n')
})

test('says in one line which template or file there is not, and what is wrong with one', async () => {
  const wrong = join(folder, 'wrong.mjml')
  await writeFile(wrong, '<mjml><mj-body>\n{{#a}}</mj-body></mjml>')
  const said: [string[], RegExp][] = [
    [['nope'], /no template nope: there are abandoned-cart, order-confirmation, recommendations$/],
    [[join(folder, 'nope.mjml')], /no template .*nope\.mjml: give a path to one$/],
    [
      [wrong],
      /wrong\.mjml:2: \{\{#a\}\} is not closed within its <mj-body>; write \{\{\/a\}\} before <\/mj-body>$/,
    ],
    [
      ['abandoned-cart', '--features', 'package.json'],
      /package\.json: expected \{ "values": .*found "name"$/,
    ],
  ]
  for (const [args, expected] of said) {
    const error = await rejects(() => render(...args, '--out', folder))
    assert.is(error.name, 'UserError')
    assert.match(error.message, expected)
    assert.not.match(error.message, '\n')
  }
})

test.run()

/** In this process; rejects as the command does. */
async function render(...args: string[]): Promise<void> {
  const nothing = () => undefined
  const context = {
    signal: new AbortController().signal,
    clock: systemClock,
    logger: createLogger({ level: 'silent', human: false, write: nothing }),
    logTo: nothing,
    print: nothing,
  }
  await createProgram(context, nothing, nothing).parseAsync(['node', 'millrace', 'render', ...args])
}
