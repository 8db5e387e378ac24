/** What `npm start` shows. `undefined` where nothing is known yet. */
export interface Snapshot {
  /** What goes on, in a few words: `starting the broker`, `live`, `catching up`. */
  readonly phase: string
  readonly uptimeMs: number
  readonly eventsPerSecond: number | undefined
  readonly users: number | undefined
  /** From an event's receipt to its committed row. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | undefined
  readonly lagRecords: number | undefined
  /** Addresses to try, and other lines to copy. */
  readonly links: readonly { readonly label: string; readonly text: string }[]
  /** `eventsPerSecond` of the last moments, oldest first. */
  readonly rates: readonly number[]
}

export interface PanelSize {
  readonly columns: number
  readonly rows: number
  readonly colour: boolean
}

const RATES_SHOWN = 24
const BARS = '▁▂▃▄▅▆▇█'
const LABEL_WIDTH = 12
const VALUE_WIDTH = 9

/** A line of pieces, so that it can be cut to the terminal's width before the colours are in it. */
type Piece = string | { readonly text: string; readonly style: keyof typeof STYLES }

const STYLES = {
  title: '\x1b[1;36m',
  strong: '\x1b[1m',
  dim: '\x1b[2m',
  link: '\x1b[4;34m',
  good: '\x1b[32m',
  bad: '\x1b[33m',
}
const PLAIN = '\x1b[0m'

/** The panel, no line wider than the terminal, and no more lines than it shows at once. */
export function panelLines(snapshot: Snapshot, { columns, rows, colour }: PanelSize): string[] {
  const { phase, uptimeMs, eventsPerSecond, users, latencyMs, lagRecords, links, rates } = snapshot
  const live = phase === 'live'
  const figures: Piece[][] = [
    figure('events/s', whole(eventsPerSecond), { text: bars(rates), style: 'good' }),
    figure('users', whole(users), ''),
    figure('event → row', milliseconds(latencyMs?.p50), p99(latencyMs?.p99)),
    figure('lag', whole(lagRecords), {
      text: lagRecords === undefined ? '' : 'records behind',
      style: 'dim',
    }),
  ]
  const addresses = links.map(({ label, text }): Piece[] => [
    { text: `  ${label.padEnd(LABEL_WIDTH)} `, style: 'dim' },
    { text, style: text.startsWith('http') ? 'link' : 'strong' },
  ])
  const lines: Piece[][] = [
    [],
    [
      { text: '  millrace', style: 'title' },
      '  ',
      { text: `● ${phase}`, style: live ? 'good' : 'bad' },
      { text: `  ${duration(uptimeMs)}`, style: 'dim' },
    ],
    [],
    ...figures,
    [],
    ...addresses,
    ...(addresses.length > 0 ? [[]] : []),
    [{ text: '  Ctrl-C stops all of it; the next start goes on from here', style: 'dim' }],
  ]
  return lines.slice(0, Math.max(1, rows - 1)).map(pieces => join(pieces, columns, colour))
}

/** The same in one line, for where it cannot be redrawn. */
export function plainLine({
  phase,
  uptimeMs,
  eventsPerSecond,
  users,
  latencyMs,
  lagRecords,
}: Snapshot): string {
  const figures = [
    eventsPerSecond !== undefined && `${whole(eventsPerSecond)} events/s`,
    users !== undefined && `${whole(users)} users`,
    latencyMs !== undefined &&
      `event to row ${milliseconds(latencyMs.p50)} p50, ${milliseconds(latencyMs.p99)} p99`,
    lagRecords !== undefined && `lag ${whole(lagRecords)}`,
  ]
  return [`${phase}, ${duration(uptimeMs)}`, ...figures.filter(text => text !== false)].join(' | ')
}

/** `8 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function figure(label: string, value: string, note: Piece): Piece[] {
  const dim: Piece = { text: `  ${label.padEnd(LABEL_WIDTH)} `, style: 'dim' }
  return [dim, { text: value.padStart(VALUE_WIDTH), style: 'strong' }, '   ', note]
}

function p99(ms: number | undefined): Piece {
  return { text: ms === undefined ? '' : `p50, and ${milliseconds(ms)} p99`, style: 'dim' }
}

/** A column for each value, the highest of them full. */
function bars(values: readonly number[]): string {
  const shown = values.slice(-RATES_SHOWN)
  const highest = Math.max(1, ...shown)
  return shown
    .map(value => BARS[Math.round((Math.max(0, value) / highest) * (BARS.length - 1))])
    .join('')
}

function whole(value: number | undefined): string {
  return value === undefined ? '–' : Math.round(value).toLocaleString('en-US')
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–'
  return value < 10 ? `${value.toFixed(1)} ms` : `${whole(value)} ms`
}

function join(pieces: readonly Piece[], columns: number, colour: boolean): string {
  let left = columns
  let line = ''
  for (const piece of pieces) {
    const { text, style } = typeof piece === 'string' ? { text: piece, style: undefined } : piece
    const visible = text.slice(0, left)
    left -= visible.length
    line +=
      colour && style !== undefined && visible !== ''
        ? `${STYLES[style]}${visible}${PLAIN}`
        : visible
  }
  return line.trimEnd()
}
