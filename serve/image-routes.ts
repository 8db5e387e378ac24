import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ShownProduct } from '../content/block.ts'
import { shopFormats } from '../content/format.ts'
import {
  countdownPicture,
  neutralPicture,
  type Picture,
  productPicture,
} from '../content/pictures.ts'
import { checkTarget } from '../http/email-links.ts'
import { Problem } from '../http/problem.ts'
import type { Desk } from './desk.ts'
import { openImage } from './image-tokens.ts'
import type { Painter } from './painter.ts'
import { QueueFull } from './read-queue.ts'
import { contentOf } from './row.ts'

const BUDGET_MS = 200
/** Pictures under way. A store that hangs keeps them; beyond this nobody waits for it. */
const UNDER_WAY_MAX = 512

/** What an image shows, and where a click on it goes. */
interface Shown {
  readonly picture: Picture
  readonly product?: ShownProduct | undefined
}

/**
 * Pictures that are drawn when an email is opened:
 *
 * - `GET /v1/images/countdown.png?token=`: how long it is to the time in the token;
 * - `GET /v1/images/product.png?token=`: the product in the token, at its price of now;
 * - `GET /v1/images/recommended.png?token=`: what the reader may like most now.
 *
 * Always 200 with a PNG, within 200 ms: a neutral one where the token is wrong or too old, where nothing is known, and
 * where drawing takes too long. The header `millrace-source` says `live`, `stale` or `fallback`. Not to be cached, which Gmail's proxy honours for `no-cache, max-age=0`. Where a click
 * goes is `GET /v1/images/:name/click?token=`: to the product of the picture, by a redirect to the catalogue's URL.
 */
export function addImageRoutes(desk: Desk, painter: Painter): void {
  const { app, clock, telemetry, logger } = desk
  let neutral: Buffer | undefined
  let underWay = 0
  app.addHook('onReady', async () => {
    neutral = await painter.paint(neutralPicture())
  })

  const paint = async (name: string, request: ImageRequest): Promise<Buffer | undefined> => {
    underWay++
    try {
      const shown = await show(desk, name, request)
      return shown && (await painter.paint(shown.picture))
    } catch (error) {
      if (!(error instanceof QueueFull))
        logger.error({ error }, 'a picture could not be drawn; the neutral one was answered')
      return undefined
    } finally {
      underWay--
    }
  }

  app.get('/v1/images/:file', { schema }, async (request: ImageRequest, reply) => {
    const name = request.params.file.replace(/\.png$/, '')
    const ended = new AbortController()
    const late = clock.sleep(BUDGET_MS, ended.signal).then(() => undefined)
    const painting = underWay < UNDER_WAY_MAX ? paint(name, request) : undefined
    const png = await Promise.race([painting, late])
    ended.abort('settled') // a word: without, Node makes an error with its stack
    const source = png === undefined ? 'fallback' : desk.features.standing().source
    telemetry.add('millrace_images', 1, { source })
    return sendPng(reply.header('millrace-source', source), png ?? neutral ?? onePixel)
  })

  app.get(
    '/v1/images/:name/click',
    { schema: clickSchema },
    async (request: ClickRequest, reply) => {
      const shown = await show(desk, request.params.name, request)
      const url = shown?.product?.url
      if (url === undefined || !isTarget(url)) {
        const detail = 'this link leads nowhere any more: the product is gone, or the email too old'
        throw new Problem(404, 'gone', detail)
      }
      reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      return reply.redirect(url, 302)
    },
  )
}

type ImageRequest = FastifyRequest<{ Params: { file: string }; Querystring: { token?: unknown } }>
type ClickRequest = FastifyRequest<{ Params: { name: string }; Querystring: { token?: unknown } }>

const querystring = {
  type: 'object',
  properties: { token: { type: 'string', maxLength: 2_048 } },
} as const
const schema = {
  summary: 'A picture of now, always',
  tags: ['email'],
  security: [],
  params: {
    type: 'object',
    properties: {
      file: { type: 'string', enum: ['countdown.png', 'product.png', 'recommended.png'] },
    },
  },
  querystring,
  produces: ['image/png'],
} as const
const clickSchema = {
  summary: 'Where a click on a picture goes',
  tags: ['email'],
  security: [],
  params: { type: 'object', properties: { name: { type: 'string' } } },
  querystring,
} as const

/** `undefined`: nothing that may be shown. */
async function show(
  desk: Desk,
  name: string,
  request: ImageRequest | ClickRequest,
): Promise<Shown | undefined> {
  const { tokens, clock, recommender, features } = desk
  const now = clock.now()
  const opened =
    tokens === undefined ? undefined : openImage(tokens, name, request.query.token, now)
  if (opened === undefined) return undefined
  switch (opened.name) {
    case 'countdown':
      return { picture: countdownPicture(opened.until, now) }
    case 'product': {
      const product = (await recommender.shown([opened.product])).get(opened.product)
      return product && { picture: productPicture(product, shopFormats), product }
    }
    case 'recommended': {
      desk.audit.read(request, { by: 'token', users: [opened.user] })
      const row = await features.find(opened.user)
      const known = row && contentOf(row).features
      const [best] = await recommender.recommended(opened.user, known, 1, now)
      const because = best?.because === 'popular' ? 'Popular now' : 'Chosen for you'
      return best && { picture: productPicture(best, shopFormats, because), product: best }
    }
  }
}

function sendPng(reply: FastifyReply, png: Buffer): FastifyReply {
  reply.headers({
    'content-type': 'image/png',
    'cache-control': 'no-cache, max-age=0, must-revalidate, private',
    expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
    'x-content-type-options': 'nosniff',
  })
  return reply.send(png)
}

function isTarget(url: string): boolean {
  try {
    return checkTarget(url) !== ''
  } catch {
    return false // a LinkError: no URL to send people to
  }
}

/** A transparent PNG of 1 × 1, for the moments before the neutral picture is drawn. */
const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
