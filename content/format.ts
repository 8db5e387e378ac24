/**
 * Prices and dates as a reader writes them. A template has no helpers, since AMP has none: a payload holds what is to
 * be read, formatted. Formatters are kept, since making one takes longer than an email.
 */
export interface Formats {
  /** `12.5` in EUR is "€12.50" for en-GB, "12,50 €" for de-DE. Without a number: an empty text. */
  price(value: unknown, currency?: string): string
  /** Epoch ms as "22 November 2026". Without a number: an empty text. */
  date(at: unknown): string
  /** Epoch ms as "22 November 2026 at 09:30". */
  time(at: unknown): string
  /** A whole number with its thousands apart. */
  number(value: unknown): string
}

export interface FormatOptions {
  /** BCP 47, such as "de-AT". */
  readonly locale: string
  /** ISO 4217; of prices that say none. */
  readonly currency: string
  /** IANA, such as "Europe/Vienna". */
  readonly timeZone: string
}

const currenciesMax = 50
/** Texts that are kept of each currency: a shop has few prices, and to format one takes longer than to look it up. */
const pricesMax = 5_000

/** Throws a RangeError for a locale, a currency or a time zone that there is not. */
export function formats({ locale, currency, timeZone }: FormatOptions): Formats {
  const prices = new Map<string, (value: number) => string>()
  const priceFormat = (code: string): ((value: number) => string) => {
    const known = prices.get(code)
    if (known !== undefined) return known
    const { format } = new Intl.NumberFormat(locale, { style: 'currency', currency: code })
    const remembered = remember(format)
    if (prices.size < currenciesMax) prices.set(code, remembered)
    return remembered
  }
  const own = priceFormat(currency)
  const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone })
  const times = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone })
  const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
  return {
    price: (value, code) => {
      if (!isNumber(value)) return ''
      return (code === undefined || !/^[A-Z]{3}$/i.test(code) ? own : priceFormat(code))(value)
    },
    date: at => (isTime(at) ? dates.format(at) : ''),
    time: at => (isTime(at) ? times.format(at) : ''),
    number: value => (isNumber(value) ? numbers.format(value) : ''),
  }
}

/** Of the shop that comes with Millrace; a shop of its own says its own. */
export const shopFormats = formats({ locale: 'en-GB', currency: 'EUR', timeZone: 'UTC' })

function remember(format: (value: number) => string): (value: number) => string {
  let texts = new Map<number, string>()
  return value => {
    const known = texts.get(value)
    if (known !== undefined) return known
    if (texts.size >= pricesMax) texts = new Map()
    const text = format(value + 0) // a map takes minus zero for zero, whose text would have a minus then
    texts.set(value, text)
    return text
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isTime(at: unknown): at is number {
  return isNumber(at) && Math.abs(at) <= 8.64e15
}
