import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readKept } from '../../bench/kept.ts'
import { targetsTable } from '../../bench/targets.ts'
import { assert, suite } from '../harness.ts'

const test = suite('page about speed')
const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const page = readFileSync(path('docs/PERFORMANCE.md'), 'utf8')

test('the table of targets is what the kept figures say', () => {
  assert.ok(page.includes(targetsTable(readKept())), 'run `npm run bench -- NAME` in full size')
})

test('each kept figure is of a run whose output stands in the results', () => {
  const results = readFileSync(path('bench/RESULTS.md'), 'utf8')
  const missing = Object.keys(readKept()).filter(name => !results.includes(`\n## ${name}\n`))
  assert.equal(missing, [])
})

test('each picture is there, for light pages and dark', () => {
  const pictures = [...page.matchAll(/\]\((charts\/[\w-]+\.svg)\)/g)].map(([, name]) => name)
  assert.ok(pictures.length > 5)
  for (const name of pictures) {
    const file = path(`docs/${name}`)
    assert.ok(existsSync(file), `${name} is not there`)
    const svg = readFileSync(file, 'utf8')
    assert.match(svg, /^<svg [^>]*aria-label="[^"]+"[^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    assert.match(svg, /prefers-color-scheme: dark/)
  }
})

test('each command that the page names is a benchmark with help', () => {
  const named = [...page.matchAll(/`npm run bench -- ([\w-]+)`/g)].map(([, name = '']) => name)
  const flags = ['--import', path('bin/typescript.js'), path('bench/main.ts')]
  const { stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  const known = /NAME is ([^;]+);/.exec(stderr)?.[1]?.split(' or ') ?? []
  assert.ok(named.length > 8)
  assert.equal(
    named.filter(name => !known.includes(name)),
    [],
  )
})

test.run()
