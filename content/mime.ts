import { createHash } from 'node:crypto'
import { safeUrl } from './escape.ts'
import { checkHeader, encodeAddress, encodeText, foldHeader, MimeError } from './mime-headers.ts'

export interface Email {
  readonly from: Address
  readonly to: Address
  readonly replyTo?: Address
  readonly subject: string
  /** Epoch ms. */
  readonly date: number
  /** `id@host`, without angle brackets; one of its own for each email. */
  readonly messageId: string
  /** An https URL at which POST unsubscribes without asking (RFC 8058), and where given a mailto URL. */
  readonly unsubscribe?: { readonly url: string; readonly mailto?: string }
  /** Any others, such as `Feedback-ID`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly text: string
  readonly amp?: string | undefined
  readonly html: string
}

export interface Address {
  /** `ann@example.com` */
  readonly address: string
  readonly name?: string
}

/** A line of a message has at most 998 characters (RFC 5322, 2.1.1), and a URL cannot be broken. */
const urlLengthMax = 900

/** Those that follow from the other fields of an email. */
const made =
  /^(from|to|cc|bcc|reply-to|subject|date|message-id|mime-version|content-.*|list-unsubscribe(-post)?)$/i

/**
 * The whole email as it goes over SMTP's DATA (before dot-stuffing) or to any API that takes a raw message: ASCII,
 * lines of at most 76 characters that end in CRLF. The same email gives the same bytes.
 *
 * `multipart/alternative` (RFC 2046, 5.1.4): a client shows the last part that it can. AMP is not last, since clients
 * that strip it look at the neighbours: https://amp.dev/documentation/guides-and-tutorials/email/learn/email-spec/amp-email-structure
 * Throws a `MimeError` for a header that would not be one.
 */
export function buildMime(email: Email): string {
  const { text, amp, html } = email
  const parts = [
    part('text/plain', text),
    ...(amp === undefined ? [] : [part('text/x-amp-html', amp)]),
    part('text/html', html),
  ]
  // No encoded line can hold "=_": what follows an = is a hexadecimal digit or the line's end (RFC 2045, 6.7).
  const boundary = `=_${createHash('sha256').update(parts.join()).digest('hex').slice(0, 32)}`
  const head = [
    ...headersOf(email),
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative;\r\n boundary="${boundary}"`,
  ]
  const body = parts.map(each => `--${boundary}\r\n${each}\r\n`).join('')
  return `${head.join('\r\n')}\r\n\r\n${body}--${boundary}--\r\n`
}

function headersOf(email: Email): string[] {
  const { from, to, replyTo, subject, date, messageId, unsubscribe, headers = {} } = email
  if (!/^[\w.!#$%&'*+/=?^`{|}~-]{1,200}@[\w.-]{1,200}$/.test(messageId))
    throw new MimeError('bad_message_id', 'messageId', 'expected id@host')
  if (!Number.isFinite(date)) throw new MimeError('bad_date', 'date', 'expected epoch ms')
  const own: [string, string][] = Object.entries(headers).map(([name, value]) => {
    if (made.test(name))
      throw new MimeError('header_taken', name, 'it follows from the other fields of the email')
    checkHeader(name, value)
    return [name, encodeText(value)]
  })
  return [
    ['From', encodeAddress(from, 'from')] as const,
    ['To', encodeAddress(to, 'to')] as const,
    ...(replyTo === undefined ? [] : [['Reply-To', encodeAddress(replyTo, 'replyTo')] as const]),
    ['Subject', subjectOf(subject)] as const,
    ['Date', new Date(date).toUTCString().replace('GMT', '+0000')] as const,
    ['Message-ID', `<${messageId}>`] as const,
    ...(unsubscribe === undefined ? [] : unsubscribeHeaders(unsubscribe)),
    ...own,
  ].map(([name, value]) => foldHeader(name, value))
}

function subjectOf(subject: string): string {
  checkHeader('Subject', subject)
  return encodeText(subject)
}

function unsubscribeHeaders({
  url,
  mailto,
}: NonNullable<Email['unsubscribe']>): (readonly [string, string])[] {
  const links = [url, ...(mailto === undefined ? [] : [mailto])]
  for (const [at, link] of links.entries()) {
    const wanted = at === 0 ? 'https:' : 'mailto:'
    if (
      safeUrl(link) === undefined ||
      !link.startsWith(wanted) ||
      !/^[\x21-\x7e]+$/.test(link) ||
      link.includes(',') ||
      link.length > urlLengthMax
    )
      throw new MimeError(
        'bad_unsubscribe',
        'unsubscribe',
        `expected an ASCII ${wanted} URL without commas, of at most ${urlLengthMax} characters`,
      )
  }
  return [
    ['List-Unsubscribe', links.map(link => `<${link}>`).join(', ')],
    ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
  ]
}

function part(type: string, content: string): string {
  return [
    `Content-Type: ${type}; charset=utf-8`,
    'Content-Transfer-Encoding: quoted-printable',
    '',
    quotedPrintable(content),
  ].join('\r\n')
}

/** RFC 2045, 6.7: lines of at most 76 characters, line ends as CRLF, everything that is not plain ASCII as =XX. */
export function quotedPrintable(content: string): string {
  return content
    .split(/\r\n|\r|\n/)
    .map(encodeLine)
    .join('\r\n')
}

const HEX = Array.from(
  { length: 256 },
  (_, byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
)

function encodeLine(line: string): string {
  let out = ''
  let width = 0
  const bytes = Buffer.from(line)
  for (const [at, byte] of bytes.entries()) {
    const isLast = at === bytes.length - 1
    const isBlank = byte === 0x20 || byte === 0x09
    const isPlain = (byte > 0x20 && byte < 0x7f && byte !== 0x3d) || (isBlank && !isLast)
    // A dot alone ends SMTP's DATA, and "From " a letter in an mbox: neither is left to chance at a line's beginning.
    const isRisky = width === 0 && (byte === 0x2e || byte === 0x46)
    const piece = isPlain && !isRisky ? String.fromCharCode(byte) : (HEX[byte] ?? '')
    if (width + piece.length > (isLast ? 76 : 75)) {
      out += '=\r\n'
      const again = byte === 0x2e || byte === 0x46 ? (HEX[byte] ?? '') : piece
      out += again
      width = again.length
    } else {
      out += piece
      width += piece.length
    }
  }
  return out
}
