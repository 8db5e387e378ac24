/**
 * Epoch ms of `YYYY-MM-DDTHH:MM:SSZ`, with or without three digits of milliseconds, as `Date.parse` has it;
 * `undefined` for any other text, also for one that `Date.parse` may know. A tenth of the time of `Date.parse`,
 * which needs a string besides.
 *
 * @param end behind its last byte
 */
export function isoTime(bytes: Uint8Array, start: number, end: number): number | undefined {
  const length = end - start
  if (!(length === 24 && bytes[start + 19] === POINT) && length !== 20) return undefined
  if (bytes[end - 1] !== LETTER_Z || !hasForm(bytes, start)) return undefined
  const year = two(bytes, start) * 100 + two(bytes, start + 2)
  const month = two(bytes, start + 5)
  const day = two(bytes, start + 8)
  const hour = two(bytes, start + 11)
  const minute = two(bytes, start + 14)
  const second = two(bytes, start + 17)
  const ms = length === 20 ? 0 : two(bytes, start + 20) * 10 + one(bytes, start + 22)
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return undefined
  if (second < 0 || second > 59 || ms < 0) return undefined
  const seconds = (daysSince1970(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second
  return seconds * 1_000 + ms
}

const DASH = 0x2d
const COLON = 0x3a
const POINT = 0x2e
const LETTER_T = 0x54
const LETTER_Z = 0x5a
/** Whatever it is added to is negative. */
const noDigit = -1_000_000

function hasForm(bytes: Uint8Array, start: number): boolean {
  return (
    bytes[start + 4] === DASH &&
    bytes[start + 7] === DASH &&
    bytes[start + 10] === LETTER_T &&
    bytes[start + 13] === COLON &&
    bytes[start + 16] === COLON
  )
}

function two(bytes: Uint8Array, at: number): number {
  return one(bytes, at) * 10 + one(bytes, at + 1)
}

function one(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] as number) - 0x30
  return digit >= 0 && digit <= 9 ? digit : noDigit
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/**
 * Years begin in March here, so that a leap day is a year's last; 153 days are five months
 * (https://howardhinnant.github.io/date_algorithms.html, days_from_civil).
 */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const marchMonth = month > 2 ? month - 3 : month + 9
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 719_469
}
