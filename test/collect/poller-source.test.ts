import { readFileSync } from 'node:fs'
import { pollSourceReader } from '../../collect/poller-source.ts'
import { assert, suite } from '../harness.ts'

const test = suite('definition of a polled source')
const check = pollSourceReader()
const good = {
  name: 'crm',
  url: 'https://crm.example/people?after={cursor}',
  items: 'results',
  cursor: { by: 'token', path: 'next' },
  event: { type: 'identify', userId: '{id}' },
}
const refused = (change: object, expected: RegExp) =>
  assert.throws(
    () => check({ ...good, ...change }),
    (error: Error) => {
      assert.match(error.message, expected)
      return true
    },
  )

test('is taken with every way to the next page and to log in', () => {
  const same = (content: object) => assert.is(check(content), content)
  same(good)
  same({ ...good, cursor: { by: 'lastItem', path: 'id', keep: true, more: 'has_more' } })
  same({ ...good, cursor: { by: 'pageNumber', first: 0 } })
  const { cursor: _, ...single } = { ...good, url: 'https://crm.example' }
  same(single)
  same({ ...single, cursor: { by: 'link' } })
  same({ ...single, cursor: { by: 'url', path: 'next' } })
  for (const auth of [
    { bearer: { env: 'TOKEN' } },
    { basic: { user: 'ann', password: { file: '/run/secrets/crm' } } },
    { header: { name: 'X-Api-Key', value: { env: 'KEY' } } },
  ])
    same({ ...good, auth })
})

test('says where it is wrong', () => {
  refused({ name: '../x' }, /^name must match pattern/)
  refused({ url: 'ftp://crm.example/{cursor}' }, /^url must match pattern/)
  refused({ url: 'https://ann:secret@crm.example/{cursor}' }, /^url must match pattern/)
  refused({ url: 'https://{cursor}/' }, /^url must match pattern/)
  refused({ itmes: 'x' }, /must have no property that the schema does not name/)
  refused({ auth: { bearer: 'secret' } }, /^auth.bearer must be object, is string/)
  refused({ cursor: { by: 'magic' } }, /^cursor.by must be one of \["token","lastItem"/)
  refused({ cursor: { by: 'token' } }, /^cursor must have required property 'path'/)
  refused({ event: { type: 'buy' } }, /^event.type must be one of \["identify","track"/)
  refused(
    { url: 'https://crm.example/?x={id}&a={cursor}' },
    /\{cursor\} and \{since\}, and not \{id\}/,
  )
  refused({ url: 'https://crm.example/' }, /\{cursor\} must stand in url or body where/)
  refused({ cursor: { by: 'link' } }, /\{cursor\} must stand in url or body where/)
  refused({ since: { path: 'at', start: 0 } }, /\{since\} in url or body, and "since", go together/)
  refused(
    { url: `${good.url}&s={since}`, since: { path: 'at', start: 0, overlapSeconds: 9 } },
    /must have property as when property overlapSeconds is present/,
  )
})

test('the definitions in docs/IMPORTS.md are such', () => {
  const page = readFileSync(new URL('../../docs/IMPORTS.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```json\n(\{\n {2}"name"[\s\S]*?)```/g)].map(
    ([, json = '']) => json,
  )
  assert.ok(blocks.length >= 3)
  for (const json of blocks) check(JSON.parse(json))
})

test.run()
