/** Where the shop's emails are to be read well. */
export const clients = [
  ...['gmail.desktop-webmail', 'gmail.ios', 'gmail.android', 'apple-mail.macos', 'apple-mail.ios'],
  ...['outlook.windows', 'outlook.windows-mail', 'outlook.macos', 'outlook.ios', 'outlook.android'],
  ...['yahoo.desktop-webmail', 'yahoo.ios', 'yahoo.android', 'samsung-email.android'],
] as const

export interface Accepted {
  /** A part of the client's name. */
  readonly in: RegExp
  readonly because: string
}

/** What the emails use and a client does not have, and what the reader sees instead. Anything else fails the test. */
export const accepted: Readonly<Record<string, Accepted>> = {
  '@media': {
    in: /^outlook\.windows/,
    because: 'no dark mode and no phone widths there: the inline styles are the desktop',
  },
  'Chaining selectors': {
    in: /^outlook\.(windows|outlook-com)/,
    because: "MJML's words for images as wide as a phone, of which there are none",
  },
  '<body> element': {
    in: /^yahoo|^outlook\.macos/,
    because: 'it becomes a div; the background stands on a div of ours too',
  },
  'aria-label attribute': { in: /^yahoo|^outlook/, because: 'the subject says the same' },
  'role attribute': { in: /^outlook/, because: 'tables are read as tables' },
  'border-radius': { in: /^outlook\.windows/, because: 'square corners' },
  'border-spacing': { in: /^outlook/, because: 'cellspacing="0" says the same' },
  'height property': { in: /^yahoo/, because: 'images have it as an attribute' },
  opacity: {
    in: /^outlook\.windows/,
    because: 'of the preheader, which is not displayed anyway',
  },
  outline: { in: /^outlook\.windows/, because: 'none is drawn anyway' },
  overflow: { in: /^outlook\.windows/, because: 'of the preheader, too' },
  'table-layout': { in: /^outlook\.windows/, because: 'auto is what it does' },
  'target attribute': {
    in: /^gmail|^yahoo|outlook-com/,
    because: 'links open in a new window of themselves',
  },
  'white-space': { in: /^outlook\.windows|^samsung/, because: 'a price may break' },
  'word-break': { in: /^yahoo|^outlook\.windows/, because: 'a very long word is cut' },
}
