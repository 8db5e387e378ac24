import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'
import type { Door } from './door.ts'

type SettingsRequest = FastifyRequest<{ Params: { key: string } }>

/**
 * `GET /v1/projects/:key/settings`: what Segment's browser SDK asks its CDN before anything else, with `cdnURL` set to
 * this server. It is told to bring its events back here, and none of them elsewhere.
 *
 * @param publicUrl where browsers find this server; what their requests say when left out
 */
export function addSettingsRoute({ app, guard }: Door, publicUrl?: string): void {
  app.get('/v1/projects/:key/settings', async (request: SettingsRequest, reply) => {
    const { key } = request.params
    await guard.sourceOf(request, key)
    const url = publicUrl ?? `${request.protocol}://${request.host}`
    if (!URL.canParse(url)) throw new Problem(400, 'bad_host', 'expected a Host header with a name')
    const { protocol, host, pathname } = new URL(url)
    const api = {
      apiKey: key,
      apiHost: `${host}${pathname.replace(/\/$/, '')}/v1`,
      protocol: protocol.replace(':', ''),
      addBundledMetadata: false,
      unbundledIntegrations: [],
      bundledConfigIds: [],
    }
    return reply.header('cache-control', 'private, max-age=300').send({
      integrations: { 'Segment.io': api },
      plan: { track: { __default: { enabled: true, integrations: {} } }, identify: {}, group: {} },
      edgeFunction: {},
      analyticsNextEnabled: true,
      middlewareSettings: {},
      enabledMiddleware: {},
      metrics: { sampleRate: 0 },
      legacyVideoPluginsEnabled: false,
      remotePlugins: [],
    })
  })
}
