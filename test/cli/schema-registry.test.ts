import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRegistry, registryOptions } from '../../cli/schema-registry.ts'
import { assert, suite } from '../harness.ts'

const test = suite('schema-registry flags')
const url = 'http://registry:8081'
const folder = mkdtempSync(join(tmpdir(), 'registry-'))

test.before.each(() => {
  delete process.env.MILLRACE_SCHEMA_REGISTRY_SECRET
})
test.after(() => rmSync(folder, { recursive: true }))

test('a URL is taken, with a path and without its last slash', () => {
  assert.is(parseRegistry('http://registry:8081/'), url)
  assert.is(parseRegistry('https://host/apis/ccompat/v7/'), 'https://host/apis/ccompat/v7')
})

test('what is no URL is refused, and so is one with a user, which logs would show', () => {
  for (const text of ['registry', 'registry:8081', 'ftp://registry'])
    assert.throws(() => parseRegistry(text), /Give a URL/)
  assert.throws(() => parseRegistry('http://ann:secret@registry'), /no user in the URL/)
})

test('the secret comes from the environment or from a file', () => {
  const user = { schemaRegistry: url, schemaRegistryUser: 'ann' }
  assert.is(registryOptions({}), undefined)
  assert.equal(registryOptions({ schemaRegistry: url }), { url })
  const file = join(folder, 'secret')
  writeFileSync(file, 'from file\n')
  const login = (secret: string) => ({ url, login: { user: 'ann', secret } })
  assert.equal(registryOptions({ ...user, schemaRegistrySecretFile: file }), login('from file'))
  process.env.MILLRACE_SCHEMA_REGISTRY_SECRET = 'from env'
  assert.equal(registryOptions(user), login('from env'))
})

test('a user without a secret is refused, and says where one may stand', () => {
  assert.throws(
    () => registryOptions({ schemaRegistry: url, schemaRegistryUser: 'ann' }),
    (error: { code?: string; message: string }) =>
      error.code === 'registry_login_incomplete' && /SECRET or --schema/.test(error.message),
  )
})

test.run()
