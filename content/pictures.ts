import type { ShownProduct } from './block.ts'
import { escapeHtml } from './escape.ts'
import type { Formats } from './format.ts'

/** An SVG of 600 × 160 units, which is drawn at twice that, for screens with small pixels. */
export type Picture = string

export const pictureSize = { width: 600, height: 160, scale: 2 } as const

const ink = '#ffffff'
const soft = '#bfe3d9'
const ground = '#0f5c4d'
const deep = '#0a463b'
const TITLE_CHARS_MAX = 26

/** What is shown where nothing else may be: it says nothing of anybody. */
export function neutralPicture(): Picture {
  return framed(
    `${circle(88)}${text(168, 74, 26, 'See what is new', 'bold')}${text(168, 110, 18, 'Open the shop for prices and stock of today', 'normal', soft)}`,
  )
}

/** How long it is to `until`; both epoch ms. By the minute, so that all who look within one see one picture. */
export function countdownPicture(until: number, now: number): Picture {
  const minutes = Math.max(0, Math.ceil((until - now) / 60_000))
  if (minutes === 0)
    return framed(
      `${circle(88)}${text(168, 74, 26, 'This offer has ended', 'bold')}${text(168, 110, 18, 'There will be another one', 'normal', soft)}`,
    )
  const parts = [
    [Math.floor(minutes / 1_440), 'days'],
    [Math.floor(minutes / 60) % 24, 'hours'],
    [minutes % 60, 'minutes'],
  ] as const
  const boxes = parts.map(([value, name], at) => {
    const left = 168 + at * 136
    return [
      `<rect x="${left}" y="28" width="120" height="104" rx="14" fill="${deep}"/>`,
      text(left + 60, 88, 48, String(Math.min(value, 999)).padStart(2, '0'), 'bold', ink, 'middle'),
      text(left + 60, 116, 16, name, 'normal', soft, 'middle'),
    ].join('')
  })
  return framed(
    `${circle(88)}${text(88, 86, 17, 'Ends in', 'bold', ink, 'middle')}${boxes.join('')}`,
  )
}

/** A product with its price of now, and whether few are left. */
export function productPicture(
  { title, price, currency, stock }: ShownProduct,
  formats: Formats,
  because?: string,
): Picture {
  const few = stock !== undefined && stock > 0 && stock <= 5
  const line = stock === 0 ? 'Sold out' : few ? `Only ${stock} left` : (because ?? 'In stock now')
  return framed(
    [
      circle(88),
      text(88, 104, 52, (Array.from(title)[0] ?? '').toUpperCase(), 'bold', ink, 'middle'),
      text(168, 64, 27, cut(title, TITLE_CHARS_MAX), 'bold'),
      text(168, 96, 18, cut(line, 40), 'normal', soft),
      text(168, 134, 27, formats.price(price, currency), 'bold'),
    ].join(''),
  )
}

/** A product on a shelf: of its own colour, with its first letter. 3 to 2, as 480 × 300 units. */
export function tilePicture({ id, title }: ShownProduct): Picture {
  const hue = [...id].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7)
  const letter = text(
    240,
    196,
    130,
    (Array.from(title)[0] ?? '').toUpperCase(),
    'bold',
    ink,
    'middle',
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="300" viewBox="0 0 480 300"><rect width="480" height="300" fill="hsl(${hue},32%,46%)"/><circle cx="240" cy="150" r="112" fill="hsl(${hue},34%,38%)"/>${letter}</svg>`
}

function framed(inner: string): Picture {
  const { width, height } = pictureSize
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><rect width="${width}" height="${height}" rx="16" fill="${ground}"/>${inner}</svg>`
}

function circle(center: number): string {
  return `<circle cx="${center}" cy="80" r="52" fill="${deep}"/>`
}

function text(
  x: number,
  y: number,
  size: number,
  content: string,
  weight: 'bold' | 'normal',
  fill = ink,
  anchor: 'start' | 'middle' = 'start',
): string {
  return `<text x="${x}" y="${y}" font-family="DejaVu Sans" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}">${escapeHtml(drawable(content))}</text>`
}

/** SVG is XML, which has no control characters and no halves of surrogate pairs. */
function drawable(content: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  return content.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, ' ')
}

function cut(content: string, charactersMax: number): string {
  const characters = Array.from(content)
  if (characters.length <= charactersMax) return content
  return `${characters.slice(0, charactersMax - 1).join('')}…`
}
