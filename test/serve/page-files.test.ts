import { createApp } from '../../http/server.ts'
import { addPageFiles } from '../../serve/page-files.ts'
import { assert, suite } from '../harness.ts'

const test = suite('files of the page')
const app = createApp({
  health: async () => ({ alive: true }),
  ready: async () => ({ ready: true, reasons: [] }),
  metrics: async () => '',
  routes: addPageFiles,
})
test.after(() => app.close())

test('the page is asked for each time, and what it loads is kept for a year, by its content', async () => {
  const page = await app.inject('/')
  assert.is(page.headers['cache-control'], 'no-cache')
  const loaded = [...page.body.matchAll(/(?:href|src)="(\/page\/[^"]+)"/g)].map(([, path]) => path)
  assert.is(loaded.length, 2)
  const [folder = ''] = /^\/page\/[0-9a-f]{16}\//.exec(loaded[0] ?? '') ?? []
  for (const path of [...loaded, `${folder}amp.js`]) {
    const file = await app.inject(path ?? '')
    assert.is(file.statusCode, 200, path)
    assert.is(file.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
})

test.run()
