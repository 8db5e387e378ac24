import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ownFolder } from '../content/own-folder.ts'

const STATIC = { 'page.css': 'text/css', 'page.js': 'text/javascript', 'amp.js': 'text/javascript' }
const YEAR_S = 31_536_000

/**
 * `GET /`: the page, asked for each time. What it loads is under `/page/HASH/`, by a hash of all of that, so that a
 * browser keeps it for a year, and never beside another version's page.
 */
export function addPageFiles(app: FastifyInstance): void {
  const read = (name: string) => readFileSync(join(ownFolder('page'), name), 'utf8')
  const files = Object.entries(STATIC).map(([name, type]) => ({ name, type, text: read(name) }))
  const all = createHash('sha256')
  for (const { text } of files) all.update(text)
  const folder = `/page/${all.digest('hex').slice(0, 16)}`
  for (const { name, type, text } of files)
    app.get(`${folder}/${name}`, async (_request, reply) =>
      reply
        .type(`${type}; charset=utf-8`)
        .header('cache-control', `public, max-age=${YEAR_S}, immutable`)
        .send(text),
    )
  const page = files.reduce(
    (html, { name }) => html.replaceAll(`"/page/${name}"`, `"${folder}/${name}"`),
    read('index.html'),
  )
  app.get('/', async (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page),
  )
}
