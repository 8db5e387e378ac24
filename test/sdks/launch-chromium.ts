import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** What to say where there is no browser. */
export const noChromium =
  'there is no Chromium: apt-get install chromium, or name its program in CHROMIUM'

/** A real browser without a window; `undefined` where there is none. */
export async function launchChromium(): Promise<Browser | undefined> {
  const executablePath = PLACES.find(place => place !== '' && existsSync(place))
  if (executablePath === undefined) return undefined
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}
