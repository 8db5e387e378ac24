import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { purposes } from '../../http/email-links.ts'
import { parseSigningFile, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock as clock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('millrace link')
let data = ''

test.before(async () => {
  data = await mkdtemp(join(tmpdir(), 'millrace-link-'))
})
test.after(() => rm(data, { recursive: true }))

test('prints links that collect, with the same signing keys, opens', async () => {
  const target = 'https://shop.example/sale'
  const shown = await link('--user', 'u-1', '--list', 'News', '--target', target)
  const { pixel, click, unsubscribe, headers } = JSON.parse(shown)
  const path = join(data, 'signing.json')
  const secrets = parseSigningFile(await readFile(path, 'utf8'), path)
  const tokens = createTokens(signingKeysOf(() => secrets, clock.now))
  const claimsOf = (purpose: string, url: string) => {
    const token = new URL(url).searchParams.get('t') ?? url.slice(url.lastIndexOf('/') + 1)
    const opened = tokens.open(purpose, token, clock.now())
    return 'claims' in opened ? opened.claims : opened
  }
  const { t: _, ...opened } = claimsOf(purposes.open, pixel) as Record<string, string>
  assert.equal(opened, { e: 'm-1', u: 'u-1', l: 'News' })
  assert.match(pixel, 'http://127.0.0.1:8081/v1/pixel.gif?t=')
  assert.is((claimsOf(purposes.click, click) as { to?: string }).to, target)
  assert.is((claimsOf(purposes.unsubscribe, unsubscribe) as { u?: string }).u, 'u-1')
  assert.is(headers['List-Unsubscribe'], `<${unsubscribe}>`)
})

test('says in one line what is wrong with an email', async () => {
  await rejects(() => link(), 'bad_mailing')
  await rejects(() => link('--user', 'u-1', '--target', 'javascript:alert(1)'), 'bad_target')
})

test.run()

async function link(...args: string[]): Promise<string> {
  const lines: string[] = []
  const context = {
    ...{ signal: new AbortController().signal, clock, logTo: () => undefined },
    logger: createLogger({ level: 'silent', human: false, write: () => undefined }),
    print: (line: string) => void lines.push(line),
  }
  const program = createProgram(context, assert.unreachable, assert.unreachable)
  await program.parseAsync(['link', '--email', 'm-1', '--data', data, ...args], { from: 'user' })
  return lines.join('\n')
}
