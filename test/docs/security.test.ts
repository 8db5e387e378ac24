import { readFileSync } from 'node:fs'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { defaultLimits } from '../../http/limits.ts'
import { SIGNING_KEYS_MAX } from '../../http/signing-file.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, suite } from '../harness.ts'

const test = suite('docs/SECURITY.md')
const page = text('docs/SECURITY.md')

test('the table of limits has those that hold', () => {
  const seconds = (ms: number) => `${ms / 1_000} s`
  const count = (number: number) => number.toLocaleString('en-US')
  const { headersMax, headBytesMax, urlCharsMax, headMsMax, requestMsMax, idleMsMax } =
    defaultLimits
  const { connectionsMax, connectionsPerAddressMax } = defaultLimits
  const rows = [
    `header lines of a request | ${headersMax} |`,
    `its head, bytes | ${count(headBytesMax)} |`,
    `its URL, characters | ${count(urlCharsMax)} |`,
    `time until its head is here | ${seconds(headMsMax)} |`,
    `time until all of it is here | ${seconds(requestMsMax)} |`,
    `silence on a connection | ${seconds(idleMsMax)} |`,
    `connections | ${count(connectionsMax)}; from one address ${connectionsPerAddressMax},`,
    `of more than ${SIGNING_KEYS_MAX} the oldest goes`,
  ]
  for (const row of rows) assert.ok(page.includes(row), row)
})

test('each code that who may ask is refused with stands in it, and no other', () => {
  const codes = ['http/access.ts', 'http/limits.ts', 'http/hosts.ts'].flatMap(file =>
    [...text(file).matchAll(/new Problem\(\s*\d{3},\s*'(\w+)'/g)].map(([, code = '']) => code),
  )
  assert.ok(codes.length >= 8)
  const untold = codes.filter(code => code !== 'no_host' && !page.includes(`\`${code}\``))
  assert.equal(untold, [])
})

test('each flag and each option that it names is one', () => {
  const help = ['keys add', 'keys renew', 'keys rotate', 'collect', 'serve'].map(helpOf).join('\n')
  const named = new Set([...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag))
  assert.ok(named.size >= 15)
  assert.equal(
    [...named].filter(flag => !help.includes(flag)),
    [],
  )
})

test.run()

function text(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
}

function helpOf(command: string): string {
  const nothing = () => undefined
  const logger = createLogger({ level: 'silent', human: false, write: nothing })
  const signal = AbortSignal.timeout(1_000)
  const context = { signal, clock: systemClock, logger, print: nothing, logTo: nothing }
  const words = command.split(' ')
  const found = words.reduce(
    (parent, name) => parent.commands.find(each => each.name() === name) ?? parent,
    createProgram(context, nothing, nothing),
  )
  assert.is(found.name(), words.at(-1))
  return found.helpInformation()
}
