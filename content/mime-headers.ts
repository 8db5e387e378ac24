import { domainToASCII } from 'node:url'
import type { Address } from './mime.ts'

/** An email cannot be written. The message names the field and not what it holds, which is somebody's. */
export class MimeError extends Error {
  override readonly name = 'MimeError'
  readonly code: string

  constructor(code: string, field: string, expected: string) {
    super(`${field}: ${expected}`)
    this.code = code
  }
}

const valueLengthMax = 2_000
const wordBytesMax = 36

/** Line ends and control characters would begin another header, or the body. */
export function checkHeader(name: string, value: string): void {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,75}$/.test(name))
    throw new MimeError('bad_header', 'a header name', 'expected letters, digits and "-"')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  if (/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(value) || value.length > valueLengthMax)
    throw new MimeError(
      'bad_header',
      name,
      `expected one line of at most ${valueLengthMax} characters`,
    )
}

/** Text as it stands where it is ASCII; else in encoded words (RFC 2047) of at most 75 characters each. */
export function encodeText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes('=?') && !/\S{900}/.test(text)) return text
  const words: string[] = []
  let word = ''
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > wordBytesMax) {
      words.push(word)
      word = ''
    }
    word += character
  }
  if (word !== '') words.push(word)
  return words.map(each => `=?UTF-8?B?${Buffer.from(each).toString('base64')}?=`).join(' ')
}

/** `Ann <ann@example.com>`; a host in other letters as Punycode. */
export function encodeAddress({ address, name = '' }: Address, field: string): string {
  checkHeader('Address', name)
  const [, local = '', domain = ''] =
    /^([\w.!#$%&'*+/=?^`{|}~-]{1,64})@([^@\s<>,;]{1,253})$/.exec(address) ?? []
  const host = domainToASCII(domain)
  if (local === '' || !/^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(host))
    throw new MimeError(
      'bad_address',
      field,
      'expected one address, name@host; letters other than ASCII before the @ need SMTPUTF8, which few take',
    )
  if (name === '') return `${local}@${host}`
  const isAtoms = /^[\w !#$%&'*+/=?^`{|}~-]+$/.test(name) && !name.includes('=?')
  const isAscii = /^[\x20-\x7e]*$/.test(name) && !name.includes('=?')
  const shown = isAtoms ? name : isAscii ? `"${name.replace(/["\\]/g, '\\$&')}"` : encodeText(name)
  return `${shown} <${local}@${host}>`
}

/** Lines of about 76 characters, broken at spaces (RFC 5322, 2.2.3). */
export function foldHeader(name: string, value: string): string {
  let out = `${name}:`
  let width = out.length
  for (const word of value.split(' ')) {
    if (width + 1 + word.length > 76 && width > name.length + 1 && word !== '') {
      out += '\r\n'
      width = 0
    }
    out += ` ${word}`
    width += 1 + word.length
  }
  return out
}
