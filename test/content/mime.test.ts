import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { buildMime, type Email, quotedPrintable } from '../../content/mime.ts'
import { assert, skip, suite } from '../harness.ts'
import { sampledTemplates } from './own-templates.ts'

const test = suite('an email as a MIME message')

const email: Email = {
  from: { name: 'Weir & Wheel', address: 'shop@shop.example' },
  to: { name: 'Zoë "Z" Šimić', address: 'zoe@bücher.example' },
  replyTo: { name: 'Last, First', address: 'help@shop.example' },
  subject: 'Zoë, 12 € — your cart is still here, and it will be for a while yet, we promise 🎈🎈',
  date: Date.UTC(2026, 10, 22, 9, 30, 5),
  messageId: 'b2f1.7@mail.shop.example',
  unsubscribe: { url: 'https://mail.shop.example/u/t', mailto: 'mailto:u@shop.example?subject=t' },
  headers: { 'Feedback-ID': 'cart:shop' },
  text: 'Hallo Zoë,\r\n.\nFrom here\n= and a tab\t\n',
  amp: '<!doctype html><html ⚡4email><body></body></html>',
  html: '<p>Zoë</p>\n',
}

test('parts in the order text, AMP, HTML, in quoted-printable; headers in encoded words and folded', () => {
  const message = buildMime(email)
  const [head = '', ...parts] = message.split(/--=_[0-9a-f]{32}(?:--)?\r\n/)
  assert.is(
    head.replace(/=_[0-9a-f]{32}/, '=_'),
    [
      'From: Weir & Wheel <shop@shop.example>',
      'To: =?UTF-8?B?Wm/DqyAiWiIgxaBpbWnEhw==?= <zoe@xn--bcher-kva.example>',
      'Reply-To: "Last, First" <help@shop.example>',
      'Subject: =?UTF-8?B?Wm/DqywgMTIg4oKsIOKAlCB5b3VyIGNhcnQgaXMgc3RpbGwg?=',
      ' =?UTF-8?B?aGVyZSwgYW5kIGl0IHdpbGwgYmUgZm9yIGEgd2hpbGUgeWV0?=',
      ' =?UTF-8?B?LCB3ZSBwcm9taXNlIPCfjojwn46I?=',
      'Date: Sun, 22 Nov 2026 09:30:05 +0000',
      'Message-ID: <b2f1.7@mail.shop.example>',
      'List-Unsubscribe: <https://mail.shop.example/u/t>,',
      ' <mailto:u@shop.example?subject=t>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'Feedback-ID: cart:shop',
      'MIME-Version: 1.0',
      'Content-Type: multipart/alternative;',
      ' boundary="=_"',
      '',
      '',
    ].join('\r\n'),
  )
  const types = parts.map(part => /^Content-Type: (\S+); charset=utf-8\r\n/.exec(part)?.[1])
  assert.equal(types, ['text/plain', 'text/x-amp-html', 'text/html', undefined])
  assert.ok(parts[0]?.endsWith('Hallo Zo=C3=AB,\r\n=2E\r\n=46rom here\r\n=3D and a tab=09\r\n\r\n'))
})

test('every line is ASCII, ends in CRLF and has at most 76 characters', async () => {
  for (const { template, sample } of await sampledTemplates()) {
    const message = buildMime({ ...email, ...template.render(sample) })
    const wrong = message.split('\r\n').filter(line => !/^[\x20-\x7e\t]{0,76}$/.test(line))
    assert.equal(wrong, [])
    assert.not.match(message.replaceAll('\r\n', ''), /[\r\n]/)
  }
})

test('the same email gives the same bytes, another one another boundary', () => {
  const boundary = (message: string) => /=_[0-9a-f]{32}/.exec(message)?.[0]
  assert.is(buildMime(email), buildMime({ ...email }))
  assert.is.not(boundary(buildMime(email)), boundary(buildMime({ ...email, html: '<p>x</p>' })))
  assert.not.match(buildMime({ ...email, amp: undefined }), 'x-amp-html')
})

test('quoted-printable gives back any text, in short lines', () => {
  const units = fc.constantFrom(
    'a',
    'é',
    '🎈',
    '=',
    '.',
    ' ',
    '\t',
    '\n',
    'F',
    'x'.repeat(80),
    'é'.repeat(40),
  )
  fc.assert(
    fc.property(
      fc.array(units, { maxLength: 30 }).map(each => each.join('')),
      text => {
        const encoded = quotedPrintable(text)
        assert.is(decode(encoded), text.replace(/\r\n|\r|\n/g, '\r\n'))
        for (const line of encoded.split('\r\n'))
          assert.match(line, /^(?!\.|F)[\x20-\x7e\t]{0,75}[\x21-\x7e]?$/)
      },
    ),
    { numRuns: 500, seed: 3 },
  )
})

test('nothing that comes from a person can begin a header', () => {
  const line = 'x\r\nBcc: all@example.com'
  const refused: [Partial<Email>, RegExp][] = [
    [{ subject: line }, /^Subject: expected one line/],
    [{ subject: 'x\u0000' }, /^Subject: expected one line/],
    [{ subject: 'x\u2028y' }, /^Subject: expected one line/],
    [{ from: { name: line, address: 'a@b.example' } }, /expected one line/],
    [{ to: { address: 'a@b.example\r\nBcc: c@d.example' } }, /^to: expected one address/],
    [{ to: { address: 'a@b.example, c@d.example' } }, /^to: expected one address/],
    [{ to: { address: 'a@b.example>' } }, /^to: expected one address/],
    [{ to: { address: 'é@b.example' } }, /^to: .*SMTPUTF8/],
    [{ to: { address: '' } }, /^to: expected one address/],
    [{ messageId: 'a@b>\r\nX: y' }, /^messageId: expected id@host/],
    [{ date: Number.NaN }, /^date: expected epoch ms/],
    [{ headers: { 'X-A': line } }, /^X-A: expected one line/],
    [{ headers: { 'X-A:': 'x' } }, /^a header name: expected letters/],
    [{ headers: { bcc: 'x' } }, /^bcc: it follows from the other fields/],
    [{ headers: { 'Content-Type': 'x' } }, /^Content-Type: it follows/],
    [{ unsubscribe: { url: 'http://a.example' } }, /^unsubscribe: expected an ASCII https: URL/],
    [{ unsubscribe: { url: `https://a.example/${'x'.repeat(900)}` } }, /^unsubscribe: expected/],
    [{ unsubscribe: { url: 'https://a.example/>,<mailto:x@y' } }, /^unsubscribe: expected/],
    [{ unsubscribe: { url: 'https://a.example', mailto: 'https://b.example' } }, /mailto: URL/],
  ]
  for (const [change, said] of refused)
    assert.throws(() => buildMime({ ...email, ...change }), said)
})

test("Python's email package reads from it what was put in", () => {
  const script = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps({"from": str(m["From"]), "to": [m["To"].addresses[0].display_name, m["To"].addresses[0].addr_spec],
  "reply": m["Reply-To"].addresses[0].display_name, "subject": m["Subject"], "defects": [str(d) for d in m.defects],
  "parts": [[p.get_content_type(), p.get_content()] for p in m.iter_parts()]}))`
  const { error, status, stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: buildMime(email),
    encoding: 'utf8',
  })
  if (error !== undefined) skip('there is no python3')
  assert.is(status, 0, stderr)
  assert.equal(JSON.parse(stdout), {
    from: 'Weir & Wheel <shop@shop.example>',
    to: ['Zoë "Z" Šimić', 'zoe@xn--bcher-kva.example'],
    reply: 'Last, First',
    subject: email.subject,
    defects: [],
    parts: [
      ['text/plain', 'Hallo Zoë,\r\n.\r\nFrom here\r\n= and a tab\t\r\n'],
      ['text/x-amp-html', email.amp],
      ['text/html', '<p>Zoë</p>\r\n'],
    ],
  })
})

test.run()

/** RFC 2045's decoder, as short as it can be. */
function decode(encoded: string): string {
  const bytes = encoded
    .replaceAll('=\r\n', '')
    .replace(/=([0-9A-F]{2})/g, (_, byte) => String.fromCharCode(Number.parseInt(byte, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
