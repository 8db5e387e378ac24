import type { WriteStream } from 'node:tty'
import { panelLines, plainLine, type Snapshot } from './display.ts'

/** Where a display is shown: standard output, or a test's stand-in. */
export type Output = Pick<WriteStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>

export interface Screen {
  /** Shows the newest figures: in place on a terminal, else as a line every few seconds. */
  show(snapshot: Snapshot): void
  /** Writes text, such as a log line, that stays: above the panel on a terminal. */
  write(text: string): void
  /** Leaves the last panel where it stands and gives the cursor back. */
  close(): void
}

const PLAIN_EVERY_MS = 5_000
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
const CLEAR_BELOW = '\x1b[0J'

/** The screen for this output. `colour` is for terminals only (https://no-color.org). */
export function openScreen(output: Output, colour: boolean): Screen {
  return output.isTTY ? terminalScreen(output, colour) : plainScreen(output)
}

function terminalScreen(output: Output, colour: boolean): Screen {
  let panel: string[] = []
  // All that a frame changes goes out in one write, so that nothing flickers.
  const wipe = () => (panel.length > 0 ? `\x1b[${panel.length}A\r${CLEAR_BELOW}` : HIDE_CURSOR)
  const text = () => panel.map(line => `${line}\n`).join('')
  return {
    show(snapshot) {
      const wiped = wipe()
      panel = panelLines(snapshot, {
        columns: output.columns ?? 80,
        rows: output.rows ?? 24,
        colour,
      })
      output.write(wiped + text())
    },
    write(line) {
      output.write(panel.length > 0 ? `${wipe()}${line}${text()}` : line)
    },
    close() {
      if (panel.length > 0) output.write(SHOW_CURSOR)
      panel = []
    },
  }
}

function plainScreen(output: Output): Screen {
  const told = new Set<string>()
  let shownAtMs = Number.NEGATIVE_INFINITY
  let phase = ''
  return {
    show(snapshot) {
      // What a person or a script may want to copy stands alone on its line, once.
      for (const { text } of snapshot.links) {
        if (!told.has(text)) output.write(`${text}\n`)
        told.add(text)
      }
      if (snapshot.phase === phase && snapshot.uptimeMs - shownAtMs < PLAIN_EVERY_MS) return
      phase = snapshot.phase
      shownAtMs = snapshot.uptimeMs
      output.write(`${plainLine(snapshot)}\n`)
    },
    write: line => void output.write(line),
    close: () => undefined,
  }
}
