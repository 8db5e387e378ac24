import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Content, ShownProduct } from '../content/block.ts'
import { shopFormats } from '../content/format.ts'
import { tilePicture } from '../content/pictures.ts'
import { openTemplates, ownTemplates } from '../content/template-folder.ts'
import { Problem } from '../http/problem.ts'
import { purposes, signTicket } from './amp-tokens.ts'
import type { BlockAnswers } from './block-answers.ts'
import type { Desk } from './desk.ts'
import { userIdOf } from './ids.ts'
import { addPageFiles } from './page-files.ts'
import { addRowStream } from './row-stream.ts'

/** What the page of a machine of one's own needs to know. */
export interface PageSettings {
  /** Where the page sends events, and the key that it sends them with. */
  readonly collectUrl: string
  readonly writeKey: string
}

const PRODUCTS_SHOWN = 12
const LOOKED_AT_MAX = 500
/** AMP asks by https only; the page asks this server instead. */
const AMP_ORIGIN = 'https://mail.shop.example'
const SENDER = 'news@shop.example'

/**
 * The page at `/`, for a machine of one's own: a shop beside an inbox, to see an event become an email. It shows any
 * user's features to whoever can reach it, so it is only there where `millrace start` wants it.
 */
export function addPageRoutes(desk: Desk, answers: BlockAnswers, settings: PageSettings): void {
  const { app, painter, recommender } = desk
  const templates = openTemplates(ownTemplates())
  addPageFiles(app)
  app.get('/page/settings.json', async () => ({ ...settings, sender: SENDER }))
  app.get('/page/products.json', async () => ({ products: await shelf(desk) }))
  app.get('/page/products/:file', async (request: FileRequest, reply) => {
    const id = request.params.file.replace(/\.png$/, '')
    const product = (await recommender.shown([id])).get(id)
    if (product === undefined) throw new Problem(404, 'unknown_product', 'there is no such product')
    return sendPicture(reply, await painter.paint(tilePicture(product)))
  })
  app.get('/page/email.json', async (request: EmailRequest) => {
    const { template: name, user } = request.query
    const template = typeof name === 'string' ? await templates.find(name) : undefined
    if (template === undefined) throw new Problem(404, 'unknown_template', 'no such template')
    const id = userIdOf(user ?? '')
    const blocks: Record<string, Content> = {}
    for (const block of template.blocks) {
      const known = desk.blocks.get(block)
      if (known) blocks[block] = JSON.parse((await answers.answer(known, { user: id })).json)
    }
    const { warnings: _, ...letter } = template.render({
      values,
      blocks,
      ampUrls: ampUrls(desk, id),
    })
    return { ...letter, ampOrigin: AMP_ORIGIN }
  })
  addRowStream(desk)
}

type FileRequest = FastifyRequest<{ Params: { file: string } }>
type EmailRequest = FastifyRequest<{
  Querystring: { template?: unknown; user?: string | string[] }
}>

const values = {
  shop: { name: 'Weir & Wheel', url: 'https://shop.example/', address: 'Mill Lane 4, 1010 Vienna' },
  links: {
    preferences: 'https://shop.example/preferences',
    unsubscribe: 'https://shop.example/unsubscribe',
    cart: 'https://shop.example/cart',
  },
}

function ampUrls({ blocks, tokens, clock }: Desk, user: string): Record<string, string> {
  if (tokens === undefined || user === '') return {}
  const urlOf = (name: string) => {
    const token = signTicket(tokens, purposes.block, { user, name }, clock.now())
    return `${AMP_ORIGIN}/v1/amp/blocks/${name}?token=${token}`
  }
  return Object.fromEntries([...blocks.keys()].map(name => [name, urlOf(name)]))
}

/** A dozen products, of as many categories as there are, one after the other. */
async function shelf({ catalogue, recommender }: Desk) {
  if (catalogue === undefined) return []
  const ids = (await catalogue.withPrefix('', LOOKED_AT_MAX)).map(([id]) => id)
  const byCategory = new Map<string, ShownProduct[]>()
  for (const product of (await recommender.shown(ids)).values()) {
    const { category = '' } = product
    byCategory.set(category, [...(byCategory.get(category) ?? []), product])
  }
  const rows = [...byCategory.values()]
  const longest = Math.max(0, ...rows.map(row => row.length))
  // Steps through each category, so that the looks differ.
  const inTurn = Array.from({ length: longest }, (_, at) =>
    rows.flatMap((row, turn) => row[(at * 7 + turn * 3) % row.length] ?? []),
  ).flat()
  return [...new Set(inTurn)].slice(0, PRODUCTS_SHOWN).map(product => ({
    ...product,
    priceText: shopFormats.price(product.price, product.currency),
  }))
}

function sendPicture(reply: FastifyReply, png: Buffer): FastifyReply {
  return reply.type('image/png').header('cache-control', 'public, max-age=3600').send(png)
}
