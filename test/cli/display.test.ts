import { duration, panelLines, plainLine, type Snapshot } from '../../cli/display.ts'
import { openScreen } from '../../cli/screen.ts'
import { assert, suite } from '../harness.ts'

const test = suite('display of npm start')
const size = { columns: 80, rows: 24, colour: false }
const live: Snapshot = {
  phase: 'live',
  uptimeMs: 72_000,
  eventsPerSecond: 299.6,
  users: 5_612,
  latencyMs: { p50: 8.94, p99: 43.6 },
  lagRecords: 0,
  links: [
    { label: 'one user', text: 'http://127.0.0.1:8080/v1/users/user-0/features' },
    { label: 'write key', text: 'write key: dev' },
  ],
  rates: [0, 150, 300],
}
const starting: Snapshot = {
  phase: 'starting the broker',
  uptimeMs: 400,
  eventsPerSecond: undefined,
  users: undefined,
  latencyMs: undefined,
  lagRecords: undefined,
  links: [],
  rates: [],
}

test('the panel shows every figure and address', () => {
  assert.is(
    panelLines(live, size).join('\n'),
    `
  millrace  ● live  1 min 12 s

  events/s           300   ▁▅█
  users            5,612
  event → row     8.9 ms   p50, and 44 ms p99
  lag                  0   records behind

  one user     http://127.0.0.1:8080/v1/users/user-0/features
  write key    write key: dev

  Ctrl-C stops all of it; the next start goes on from here`,
  )
})

test('before anything is known there are dashes, not zeros', () => {
  const text = panelLines(starting, size).join('\n')
  assert.match(text, /● starting the broker {2}0 s/)
  assert.is(text.match(/ –/g)?.length, 4)
  assert.is(plainLine(starting), 'starting the broker, 0 s')
})

test('no line is wider and none lower than the terminal', () => {
  const lines = panelLines(live, { columns: 20, rows: 6, colour: true })
  assert.is(lines.length, 5)
  for (const line of lines) assert.ok(visible(line).length <= 20, line)
})

test('colours change nothing of the text', () => {
  const coloured = panelLines(live, { ...size, colour: true })
  assert.ok(coloured.some(line => line.includes('\x1b[')))
  assert.equal(
    coloured.map(line => visible(line).trimEnd()),
    panelLines(live, size),
  )
})

test('the plain line has all figures too', () => {
  assert.is(
    plainLine(live),
    'live, 1 min 12 s | 300 events/s | 5,612 users | event to row 8.9 ms p50, 44 ms p99 | lag 0',
  )
})

test('durations have two units at most', () => {
  assert.equal([999, 59_999, 60_000, 3_599_000, 7_500_000].map(duration), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '2 h 5 min',
  ])
})

test('a terminal is redrawn in place, and log lines stay above the panel', () => {
  const { written, output } = recorder(true)
  const screen = openScreen(output, false)
  screen.show(starting)
  screen.write('12:00:00 warn  something\n')
  screen.show(live)
  screen.close()
  const shown = replayTerminal(written.join(''))
  assert.equal(shown, ['12:00:00 warn  something', ...panelLines(live, size), ''])
  assert.ok(written.join('').endsWith('\x1b[?25h'), 'the cursor is not given back')
})

test('elsewhere there is a line every few seconds and at each turn, and each address once, alone', () => {
  const { written, output } = recorder(false)
  const screen = openScreen(output, true)
  screen.show(starting)
  for (let second = 1; second <= 11; second++) screen.show({ ...live, uptimeMs: second * 1_000 })
  screen.close()
  const lines = written.join('').trimEnd().split('\n')
  assert.equal(
    lines.map(line => line.split(' | ')[0]),
    [
      'starting the broker, 0 s',
      'http://127.0.0.1:8080/v1/users/user-0/features',
      'write key: dev',
      'live, 1 s',
      'live, 6 s',
      'live, 11 s',
    ],
  )
  assert.not.match(written.join(''), '\x1b')
})

test.run()

function recorder(isTTY: boolean) {
  const written: string[] = []
  const write = (text: string | Uint8Array) => {
    written.push(String(text))
    return true
  }
  return { written, output: { write, isTTY, columns: 80, rows: 24 } }
}

function visible(line: string): string {
  return line.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[a-zA-Z]`, 'g'), '')
}

/** The lines that a terminal shows after this, for the few control sequences that are used. */
function replayTerminal(text: string): string[] {
  const lines = ['']
  let row = 0
  for (const [token, up] of text.matchAll(
    new RegExp(
      `${String.fromCharCode(27)}\\[(\\d*)A|${String.fromCharCode(27)}\\[[0-9?]*[Jhl]|[\\s\\S]`,
      'gu',
    ),
  )) {
    if (up !== undefined) row -= Number(up)
    else if (token.endsWith('J') && token.length > 1) lines.splice(row, lines.length, '')
    else if (token === '\n') lines[++row] ??= ''
    else if (token.length <= 2 && token !== '\r') lines[row] += token
  }
  return lines
}
