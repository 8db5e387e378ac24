import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { metrics } from '../../runtime/metrics.ts'
import { assert, suite } from '../harness.ts'

const test = suite("the operator's page")
const text = (file: string) =>
  readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
const page = text('docs/OPERATIONS.md')
const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading ?? '')

test('every refusal of a task or a topic has a section under its own words', () => {
  const patterns: [string, RegExp, number][] = [
    ['runtime/takeover-plan.ts', /(?:refuse\(|reason:)\s*`([^`]+)`/g, 9],
    ['runtime/job-topics.ts', /(?:'(?:refused|unknown-topic)',|warn\()\s*`([^`]+)`/g, 10],
    ['runtime/forward-position.ts', /'refused',\s*`([^`]+)`/g, 2],
  ]
  for (const [file, pattern, count] of patterns) {
    const messages = [...text(file).matchAll(pattern)].map(([, message]) => beginning(message))
    assert.is(messages.length, count, `${file} has ${messages.join('; ')}`)
    for (const message of messages) assert.ok(headings.includes(message), `${file}: ${message}`)
  }
})

test('what it links to is there', () => {
  const anchors = headings.map(each =>
    each
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]+)\)/g))
    assert.ok(anchors.includes(anchor), anchor)
})

test('the metrics, commands and flags that it names exist', () => {
  const known = Object.entries(metrics).flatMap(([name, { kind }]) => [
    name,
    ...(kind === 'counter' ? [`${name}_total`] : []),
  ])
  for (const [name] of page.matchAll(/millrace_[a-z_]+/g)) assert.ok(known.includes(name), name)
  const meaning = page.slice(page.indexOf('## What the metrics mean'), page.indexOf('## Refusals'))
  for (const [, name] of meaning.matchAll(/`([a-z]+_[a-z_]+)`/g))
    assert.ok(known.includes(`millrace_${name}`), name)

  const files = [
    'flags',
    'flags-keys',
    'schema-registry',
    'command-run',
    'command-serve',
    'command-collect',
    'command-replay',
    'command-start',
  ]
  const flags = files.map(file => text(`cli/${file}.ts`)).join()
  const others = ['--delete-offsets', '--group', '--topic'] // kafka-consumer-groups.sh
  for (const [flag] of page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
    assert.ok(others.includes(flag) || flags.includes(`'${flag}`), flag)
})

test.run()

/** A message up to its first colon or full stop, with «…» for what is filled in. */
function beginning(message = ''): string {
  const filled = message.replaceAll(/\$\{[^}]*\}/g, '…')
  return filled.slice(0, /[:.](?= )|$/.exec(filled)?.index)
}
