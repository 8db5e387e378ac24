import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

interface Signer {
  readonly kid: string
  readonly alg: string
  readonly key: CryptoKey
  readonly jwk: JWK
}

export const AUDIENCE = 'millrace'
/** Secrets and scopes of the clients that it knows. */
const clients = new Map([
  ['braze', { secret: 'b', scope: 'features:read fields:orders openid' }],
  ['privacy', { secret: 'p', scope: 'admin' }],
])

/** A small OAuth 2.0 issuer: `POST /token` for client credentials (RFC 6749, 4.4), `GET /jwks.json` for its keys. */
export class Issuer {
  /** How it answers for its keys. */
  mode: 'keys' | 'error' | 'flood' = 'keys'
  /** How often it was asked for them. */
  asked = 0
  url = ''
  #signers: Signer[] = []
  readonly #server = createServer((request, response) => {
    if (request.url === '/jwks.json') {
      this.asked++
      response.statusCode = this.mode === 'error' ? 500 : 200
      const keys = this.#signers.map(({ jwk }) => jwk)
      return response.end(this.mode === 'flood' ? 'x'.repeat(400_000) : JSON.stringify({ keys }))
    }
    let body = ''
    request.setEncoding('utf8').on('data', piece => {
      body += piece
    })
    request.on('end', async () => {
      const form = new URLSearchParams(body)
      const id = form.get('client_id') ?? ''
      const client = clients.get(id)
      if (request.url !== '/token' || client?.secret !== form.get('client_secret')) {
        response.statusCode = 401
        return response.end()
      }
      const access_token = await this.sign({ client_id: id, scope: client.scope })
      response.end(JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 300 }))
    })
  })

  static async start(): Promise<Issuer> {
    const issuer = new Issuer()
    for (const alg of ['RS256', 'ES256', 'EdDSA']) await issuer.add(`one-${alg}`, alg)
    await new Promise<void>(resolve => issuer.#server.listen(0, '127.0.0.1', resolve))
    issuer.url = `http://127.0.0.1:${(issuer.#server.address() as AddressInfo).port}`
    return issuer
  }

  get jwks(): URL {
    return new URL('/jwks.json', this.url)
  }

  async add(kid: string, alg: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
    this.#signers.push({ kid, alg, key: privateKey, jwk })
  }

  /** What a client gets for its secret. */
  async token(id: string, secret: string): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id })
    body.set('client_secret', secret)
    const answer = await fetch(`${this.url}/token`, { method: 'POST', body })
    return ((await answer.json()) as { access_token: string }).access_token
  }

  /** A token of these claims, where they differ from good ones. */
  sign(claims: Record<string, unknown>, kid = 'one-ES256'): Promise<string> {
    const signer = this.#signers.find(each => each.kid === kid)
    if (signer === undefined) throw new Error(`no signer ${kid}`)
    const now = Math.floor(Date.now() / 1_000)
    const all = { iss: this.url, aud: AUDIENCE, sub: 's', iat: now, exp: now + 300, ...claims }
    return new SignJWT(all)
      .setProtectedHeader({ alg: signer.alg, kid: signer.kid, typ: 'at+jwt' })
      .sign(signer.key)
  }

  jwkOf(kid: string): JWK | undefined {
    return this.#signers.find(each => each.kid === kid)?.jwk
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise(resolve => this.#server.close(() => resolve()))
  }
}
