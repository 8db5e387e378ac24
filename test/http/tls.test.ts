import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { unprotected } from '../../http/protection.ts'
import { type Http, openHttp } from '../../http/server.ts'
import { openTls, type Tls } from '../../http/tls.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, suite } from '../harness.ts'
import { makeCertificate } from './certificate.ts'

const test = suite('tls')

const day = 86_400_000
const now = Date.now()
let folder: string
let certPath: string
let keyPath: string
let logged: string[] = []
const log = (first: unknown, second?: unknown) =>
  void logged.push(`${first instanceof Object ? JSON.stringify(first) : first} ${second ?? ''}`)
const logger = { info: log, warn: log, error: log }
const closes: (() => unknown)[] = []

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'))
  certPath = join(folder, 'fullchain.pem')
  keyPath = join(folder, 'privkey.pem')
  logged = []
})
test.after.each(async () => {
  for (const close of closes.splice(0).reverse()) await close()
  rmSync(folder, { recursive: true })
})

test('a server with a certificate speaks TLS, and nothing older than 1.2', async () => {
  write('first')
  const http = await serve(await open())
  assert.match(http.url, /^https:\/\/127\.0\.0\.1:/)
  const { status, subject, protocol } = await ask(http.port)
  assert.is(status, 'HTTP/1.1 200 OK')
  assert.is(subject, 'CN=first')
  assert.ok(protocol === 'TLSv1.3' || protocol === 'TLSv1.2', protocol)
  await rejects(() => ask(http.port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }))
  await rejects(() => fetch(`http://127.0.0.1:${http.port}/health`))
})

test('a renewed certificate is taken without a restart', async () => {
  write('first')
  const tls = await open()
  const http = await serve(tls)
  assert.is((await ask(http.port)).subject, 'CN=first')
  write('second')
  await tls.reload()
  assert.is((await ask(http.port)).subject, 'CN=second')
})

test('half a renewal is told, and the old certificate stays until the other half is there', async () => {
  write('first')
  const tls = await open()
  const http = await serve(tls)
  const next = makeCertificate('second', new Date(now - day), new Date(now + 90 * day))
  writeFileSync(certPath, next.cert)
  await tls.reload()
  assert.match(logged.join('\n'), /what was read before stays/)
  assert.is((await ask(http.port)).subject, 'CN=first')
  writeFileSync(keyPath, next.key)
  await tls.reload()
  assert.is((await ask(http.port)).subject, 'CN=second')
})

test('files that are no certificate and its key are refused, with what to do, and without what stands in them', async () => {
  write('first')
  writeFileSync(certPath, makeCertificate('other', new Date(now - day), new Date(now + day)).cert)
  await rejects(() => open(), /no certificate in PEM and its key.*--tls-cert/)
  writeFileSync(certPath, 'not a certificate')
  const error = await rejects(() => open(), 'file_wrong')
  assert.not.match(error.message, 'not a certificate')
  rmSync(certPath)
  await rejects(() => open(), /fullchain\.pem does not exist/)
})

test('a key that others can read is refused', async () => {
  write('first')
  chmodSync(keyPath, 0o644)
  await rejects(
    () => open(),
    /privkey\.pem has mode 0644, so that other users could read or change it/,
  )
})

test('a certificate that expires soon is told', async () => {
  write('first', now + 3 * day + 60_000)
  await open()
  assert.match(logged.join('\n'), /expires in 3 days: renew it/)
})

test.run()

function write(name: string, validTo = now + 90 * day): void {
  const { cert, key } = makeCertificate(name, new Date(now - day), new Date(validTo))
  writeFileSync(certPath, cert)
  writeFileSync(keyPath, key, { mode: 0o600 })
}

async function open(): Promise<Tls> {
  const tls = await openTls({ certPath, keyPath, clock: systemClock, logger })
  closes.push(() => tls.close())
  return tls
}

async function serve(tls: Tls): Promise<Http> {
  const http = await openHttp({
    ...{ host: '127.0.0.1', port: 0, protection: { ...unprotected, tls } },
    health: async () => ({ alive: true }),
    ready: async () => ({ ready: true, reasons: [] }),
    metrics: async () => '',
  })
  closes.push(() => http.close())
  return http
}

interface Told {
  readonly status: string
  readonly subject: string
  readonly protocol: string
}

/** Asks for /health, whoever signed the certificate. */
function ask(port: number, options: object = {}): Promise<Told> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ...options },
      () => {
        const { subject } = new X509Certificate(socket.getPeerCertificate().raw)
        const protocol = socket.getProtocol() ?? ''
        socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        socket.once('data', bytes => {
          resolve({ status: String(bytes).split('\r\n', 1)[0] ?? '', subject, protocol })
          socket.destroy()
        })
      },
    )
    socket.on('error', reject)
  })
}
