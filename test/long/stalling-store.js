// Loaded into a sidecar by NODE_OPTIONS: its store stalls until the time (epoch ms) in the file that MILLRACE_TEST_STALL
// names, as a disk that hangs would have it: what is read at once blocks the event loop, and what is read beside it
// blocks the threads of libuv's pool, so that all files wait, too. A pipe lies beside that file, with `.pipe` after its name.
import { open, openSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'

const file = process.env.MILLRACE_TEST_STALL
const POOL = 4
const LOOK_MS = 20
const cell = new Int32Array(new SharedArrayBuffer(4))
let end = 0
let seen = 0

if (file !== undefined && process.argv.includes('serve')) {
  const require = createRequire(new URL('../../package.json', import.meta.url))
  const { ClassicLevel } = require('classic-level')
  const { getSync } = ClassicLevel.prototype
  ClassicLevel.prototype.getSync = function (...args) {
    if (end > Date.now()) Atomics.wait(cell, 0, 0, end - Date.now())
    return getSync.apply(this, args)
  }
  setInterval(look, LOOK_MS).unref()
}

function look() {
  const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {}
  if (mtimeMs === seen) return
  seen = mtimeMs
  end = Number(readFileSync(file, 'utf8'))
  if (end > Date.now()) holdPool(end - Date.now())
}

/** Opening a pipe to read it waits for somebody who writes it, who then stays. */
function holdPool(ms) {
  for (let thread = 0; thread < POOL; thread++) open(`${file}.pipe`, 'r', () => undefined)
  setTimeout(() => openSync(`${file}.pipe`, 'r+'), ms)
}
