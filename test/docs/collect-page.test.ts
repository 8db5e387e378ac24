import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { metrics } from '../../runtime/metrics.ts'
import { scrapedName } from '../../runtime/metrics-page.ts'
import { assert, suite } from '../harness.ts'

const test = suite('the page about collect')
const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (file: string) => readFileSync(`${root}/${file}`, 'utf8')
const page = text('docs/COLLECT.md')
const sources = (folder: string) =>
  readdirSync(`${root}/${folder}`)
    .filter(file => file.endsWith('.ts'))
    .map(file => text(`${folder}/${file}`))
    .join('\n')

test('the flags and metrics that it names exist', () => {
  const flags = sources('cli')
  for (const [flag] of page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
    assert.match(flags, new RegExp(`'${flag}[ ']`), flag)
  const known = Object.entries(metrics).map(([name, { kind }]) => scrapedName(name, kind))
  for (const [name] of page.matchAll(/millrace_[a-z_]+/g)) assert.ok(known.includes(name), name)
})

test('it has every code of an answer and of a rejected event that there is, and no other', () => {
  const code = sources('collect') + sources('http')
  const answers = section('Answers')
  for (const [, name = ''] of answers.matchAll(/`([a-z]+_[a-z_]+)`/g)) {
    if (name !== 'payload_too_large') assert.match(code, `'${name}'`)
  }
  const thrown = text('collect/body.ts') + text('collect/segment-routes.ts')
  for (const [, name = ''] of thrown.matchAll(/Problem\(\s*\d+,\s*'(\w+)'/g))
    assert.match(answers, `\`${name}\``)
  const union = /RejectionCode =([\s\S]*?)\n\n/.exec(text('collect/intake.ts'))?.[1] ?? ''
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, name]) => name)
  assert.ok(codes.length >= 10)
  for (const name of codes) assert.match(section('Rejected events'), `\`${name}\``)
})

test('its commands and their answers stand in blocks of code', () => {
  const prose = page.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/^ {4}.*$/gm, '')
  assert.not.match(prose, /^\$ |curl http/m)
})

test('what it links to in itself is there', () => {
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]+)\)/g))
    assert.ok(anchors.includes(anchor), anchor)
})

test.run()

function section(title: string): string {
  const [, rest = ''] = page.split(`\n## ${title}\n`)
  return rest.split('\n## ')[0] ?? ''
}
