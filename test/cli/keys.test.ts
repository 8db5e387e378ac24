import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyFlags } from '../../cli/flags-keys.ts'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { type OpenProtection, openProtection } from '../../cli/protection.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'

const test = suite('millrace keys')

let folder: string
let keys: string
let logged = ''
const opened: OpenProtection[] = []
const logger = createLogger({
  level: 'info',
  human: false,
  write: text => {
    logged += text
  },
})

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'))
  keys = join(folder, 'keys.json')
  logged = ''
})
test.after.each(() => {
  for (const each of opened.splice(0)) each.close()
  rmSync(folder, { recursive: true })
})

test('a key is made, its secret printed once, and only its hash kept, for its owner alone', async () => {
  const secret = await run(
    'add',
    'shop',
    '--write',
    '--origin',
    'https://a.example',
    '--origin',
    'https://b.example',
    '--per-second',
    '50',
  )
  assert.match(secret, /^mr_w_[0-9a-f]{40}$/)
  assert.is(statSync(keys).mode & 0o777, 0o600)
  assert.not.match(readFileSync(keys, 'utf8') + logged, secret)
  const { protection } = await open()
  assert.ok(protection.keyed)
  const key = protection.keys.find(secret)
  assert.equal(key, {
    name: 'shop',
    action: 'write',
    origins: ['https://a.example', 'https://b.example'],
    perSecond: 50,
  })
  assert.not.match(await run('list'), secret)
  assert.match(
    await run('list'),
    /^shop {2}write {2}\d{4}-\d\d-\d\d {2}origins=https:\/\/a\.example,https:/,
  )
})

test('a key to read has features and a budget', async () => {
  const secret = await run(
    'add',
    'braze',
    '--read',
    '--fields',
    'cart,rfm',
    '--budget-ms',
    '150',
    '--address',
    '10.0.0.0/8',
  )
  assert.match(secret, /^mr_r_/)
  const { protection } = await open()
  const expected = {
    name: 'braze',
    action: 'read',
    fields: ['cart', 'rfm'],
    budgetMs: 150,
    addresses: ['10.0.0.0/8'],
  }
  assert.equal(protection.keys.find(secret), expected)
})

test('a key that is taken back opens nothing any more, without a restart', async () => {
  const secret = await run('add', 'shop', '--write')
  const server = await open()
  assert.ok(server.protection.keys.find(secret))
  await run('remove', 'shop')
  await until(() => server.protection.keys.find(secret) === undefined)
  assert.match(logged, /nobody is let in/)
})

test('while a key is renewed both secrets open, then only the new one', async () => {
  const old = await run('add', 'shop', '--write')
  const young = await run('renew', 'shop')
  const server = await open()
  for (const secret of [old, young]) assert.is(server.protection.keys.find(secret)?.name, 'shop')
  await rejects(() => run('renew', 'shop'), 'renewal_under_way')
  await run('renew', 'shop', '--finish')
  await server.reload()
  assert.is(server.protection.keys.find(old), undefined)
  assert.ok(server.protection.keys.find(young))
  await rejects(() => run('renew', 'shop', '--finish'), 'no_renewal')
})

test('what cannot be is refused in words, and the file stays as it was', async () => {
  await rejects(() => run('list'), /keys\.json does not exist.*millrace keys add/)
  await run('add', 'shop', '--write')
  const before = readFileSync(keys, 'utf8')
  await rejects(() => run('add', 'shop', '--read'), 'key_exists')
  await rejects(() => run('remove', 'shpo'), /has no key "shpo"; it has shop/)
  const wrong: [string[], RegExp][] = [
    [['add', 'x'], /either --write or --read/],
    [['add', 'x', '--write', '--read'], /either --write or --read/],
    [['add', 'x', '--write', '--fields', 'a'], /are for --read/],
    [['add', 'x', '--write', '--origin', 'shop.example'], /such as https:/],
    [['add', 'x', '--write', '--address', '10.0.0.0/64'], /10\.0\.0\.0\/8/],
    [['add', 'x y', '--write'], /1 to 64 letters/],
    [['add', 'x', '--write', '--per-second', '0'], /from 1 to/],
  ]
  for (const [args, expected] of wrong) {
    assert.match(await complaint(...args), expected, args.join(' '))
  }
  assert.is(readFileSync(keys, 'utf8'), before)
})

test('a file that others could change is refused, and one that others can read is told', async () => {
  await run('add', 'shop', '--write')
  chmodSync(keys, 0o666)
  await rejects(
    () => open(),
    /mode 0666, so that other users could change it: close it with: chmod 600/,
  )
  chmodSync(keys, 0o644)
  await open()
  assert.match(logged, /mode 0644; 0600 is enough/)
})

test('a file that becomes wrong is told in the log, and the keys before it stay', async () => {
  const secret = await run('add', 'shop', '--write')
  const server = await open()
  writeFileSync(keys, readFileSync(keys, 'utf8').replace('"shop"', '"sh op"'))
  await server.reload()
  assert.ok(server.protection.keys.find(secret))
  assert.match(logged, /keys\[0\]\.name is 1 to 64/)
})

test('keys come from the environment where there is no file, and from one of the two only', async () => {
  const secret = await run('add', 'shop', '--write')
  process.env.MILLRACE_KEYS_JSON = readFileSync(keys, 'utf8')
  try {
    await rejects(() => open(), 'keys_given_twice')
    const { protection } = await openWith({})
    assert.is(protection.keys.find(secret)?.name, 'shop')
    process.env.MILLRACE_KEYS_JSON = '{"keys":[{}]}'
    await rejects(() => openWith({}), /MILLRACE_KEYS_JSON: keys\[0\]\.action is "write"/)
  } finally {
    delete process.env.MILLRACE_KEYS_JSON
  }
})

test('without keys, the key is dev and nobody else is let in', async () => {
  const { protection } = await openWith({})
  assert.not(protection.keyed)
  assert.is(protection.keys.find('dev')?.name, 'dev')
  await rejects(() => openWith({ keys }), /does not exist: make it with: millrace keys add/)
})

test('signing keys are made once, for their owner alone, and two processes that start at once share them', async () => {
  const both = await Promise.all([openWith({}), openWith({})])
  const [first, second] = both.map(({ tokens }) => tokens)
  const token = first?.sign('open', { u: '1' }, Date.now() + 60_000) ?? ''
  assert.ok('claims' in (second?.open('open', token, Date.now()) ?? {}))
  assert.equal(both[0]?.addressSecret, both[1]?.addressSecret)
  const path = join(folder, 'signing.json')
  assert.is(statSync(path).mode & 0o777, 0o600)
  chmodSync(path, 0o604)
  await rejects(() => openWith({}), 'file_too_open')
  const named = join(folder, 'other.json')
  await rejects(
    () => openWith({ signingKeys: named }),
    /make it with: millrace keys rotate --signing-keys/,
  )
  assert.not(existsSync(named))
})

test('after a rotation a running server opens old and new tokens, and the ids of addresses stay', async () => {
  const server = await openWith({})
  const sign = () => server.tokens.sign('open', { u: '1' }, Date.now() + 60_000)
  const before = sign()
  const rotate = ['rotate', '--data', folder]
  assert.match(await run(...rotate), /signs from 20.*old ones still open/)
  await server.reload()
  // The new key signs only after a minute.
  assert.is(sign(), before)
  const later = await openWith({}, { ...systemClock, now: () => Date.now() + 61_000 })
  const after = later.tokens.sign('open', { u: '1' }, Date.now() + 60_000)
  assert.is.not(after.slice(0, 4), before.slice(0, 4))
  for (const token of [before, after])
    assert.ok('claims' in server.tokens.open('open', token, Date.now()))
  assert.equal(later.addressSecret, server.addressSecret)
})

test('a certificate without its key is refused', async () => {
  await rejects(() => openWith({ tlsCert: keys }), /give --tls-key, too/)
})

test.run()

async function run(...args: string[]): Promise<string> {
  const lines: string[] = []
  const nothing = () => undefined
  await createProgram(context(lines), nothing, nothing).parseAsync(whole(args))
  return lines.join('\n')
}

async function complaint(...args: string[]): Promise<string> {
  let told = ''
  const tell = (text: string) => {
    told += text
  }
  await rejects(() => createProgram(context([]), tell, tell).parseAsync(whole(args)))
  return told
}

function whole(args: string[]): string[] {
  const file = args[0] === 'rotate' ? [] : ['--keys', keys]
  return ['node', 'millrace', 'keys', ...args, ...file]
}

function context(lines: string[]) {
  const print = (line: string) => void lines.push(line)
  return {
    signal: AbortSignal.timeout(20_000),
    clock: systemClock,
    logger,
    print,
    logTo: () => undefined,
  }
}

function open(): Promise<OpenProtection> {
  return openWith({ keys })
}

async function openWith(flags: Partial<KeyFlags>, clock = systemClock): Promise<OpenProtection> {
  const all = { perAddress: 0, host: '127.0.0.1', data: folder, ...flags }
  const server = await openProtection({ flags: all, clock, logger })
  opened.push(server)
  return server
}

/** Without asking for it: the file is looked at every 2 s. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 50))
}
