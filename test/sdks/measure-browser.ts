import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { BROWSER_SDK, type Column, outcomeOf } from './matrix.ts'
import type { Site } from './site.ts'
import { ANSWERS, openStubServer } from './stub-server.ts'

const SEND = `async ([host, key]) => {
  const settings = { apiKey: key, apiHost: host, protocol: 'http' }
  const sdk = AnalyticsNext.AnalyticsBrowser.load(
    { writeKey: key, cdnSettings: { integrations: { 'Segment.io': settings } } })
  const context = await sdk.track('Tried')
  return [context.failedDelivery() !== undefined, context.logs().some(({ level }) => level === 'error')]
}`

/**
 * What the SDK makes of each answer: a page with one SDK for each.
 *
 * @param at the path that the page is put below
 */
export async function measureBrowser(
  site: Site,
  { at, page }: { at: string; page: Page },
): Promise<Column> {
  const stub = await openStubServer()
  try {
    serveAnalyticsNext(site, at)
    await page.goto(`${site.url}${at}/sdk`)
    const cells = ANSWERS.map(async (answer, index) => {
      const host = `${stub.urlFor(BROWSER_SDK, answer).replace('http://', '')}/v1`
      const told: unknown = await page.evaluate(`(${SEND})(${JSON.stringify([host, `k${index}`])})`)
      const [hasFailed, hadErrors] = told as [boolean, boolean]
      // It says nothing of a retry that is to come, but that there was an error.
      const until = performance.now() + 20_000
      const isDue = () => stub.attemptsOf(BROWSER_SDK, answer).posts < 2
      while (!hasFailed && hadErrors && isDue() && performance.now() < until)
        await page.waitForTimeout(100)
      return [answer, outcomeOf(stub, BROWSER_SDK, answer, !hasFailed)] as const
    })
    return new Map(await Promise.all(cells))
  } finally {
    await stub.close()
  }
}

/** The package's own bundle, and a page with it: `sdk`. */
export function serveAnalyticsNext(site: Site, at: string): void {
  const main = createRequire(import.meta.url).resolve('@segment/analytics-next')
  const folder = join(main.slice(0, main.lastIndexOf('dist')), 'dist/umd')
  for (const name of readdirSync(folder).filter(name => name.endsWith('.js')))
    site.page(`${at}/${name}`, readFileSync(join(folder, name)))
  site.page(`${at}/sdk`, '<!doctype html><title>SDK</title><script src="index.js"></script>')
}
