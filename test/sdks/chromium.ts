import type { Browser } from 'playwright-core'
import { skip } from '../harness.ts'
import { launchChromium, noChromium } from './launch-chromium.ts'

/** A real browser without a window. Where there is none, what needs it is skipped. */
export async function openChromium(): Promise<Browser> {
  return (await launchChromium()) ?? skip(noChromium)
}
