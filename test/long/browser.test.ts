import type { Browser, BrowserContextOptions } from 'playwright-core'
import { suite } from '../harness.ts'
import { addAnalyticsNextCases } from '../sdks/analytics-next-cases.ts'
import { openChromium } from '../sdks/chromium.ts'
import { addEmailCases } from '../sdks/email-cases.ts'
import { addPageScriptCases, type BrowserWorld, type Visitor } from '../sdks/page-script-cases.ts'
import { type Arrived, openSdkWorld, type SdkWorld } from '../sdks/sdk-world.ts'
import { openSite, type Site } from '../sdks/site.ts'

/** One browser and one server for all of them: starting these costs more than the rest. */
const test = suite('in Chromium', { timeoutMs: 60_000 })

let browser: Browser | undefined
let site: Site | undefined
let world: SdkWorld | undefined
let visitors = 0

test.before(async () => {
  browser = await openChromium()
  site = await openSite()
  world = await openSdkWorld()
})

test.after(async () => {
  await browser?.close()
  await site?.close()
  await world?.close()
})

addPageScriptCases(test, opened)
addEmailCases(test, opened)
addAnalyticsNextCases(test, opened)

test.run()

function opened(): BrowserWorld {
  if (browser === undefined || site === undefined || world === undefined)
    throw new Error('the browser is not open')
  return {
    world,
    site,
    visitor: options => visitorOf(browser as Browser, world as SdkWorld, options),
  }
}

async function visitorOf(
  browser: Browser,
  { url, arrived }: SdkWorld,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  for (const old of browser.contexts()) await old.close() // which leaves its page, and says so
  const at = `/visitor-${visitors++}`
  const userAgent = `Chromium of ${at}`
  const context = await browser.newContext({ locale: 'en-US', userAgent, ...options })
  const page = await context.newPage()
  const sent: Visitor['sent'] = []
  page.on('request', request => {
    const { origin, pathname } = new URL(request.url())
    if (origin !== url || pathname.endsWith('.js')) return
    sent.push({ how: request.resourceType(), method: request.method(), path: pathname })
  })
  // What is sent while a page is being left has the browser's own user agent.
  const ours = ({ context }: Arrived) =>
    context.userAgent === userAgent || JSON.stringify(context.page ?? {}).includes(`${at}/`)
  return { arrived: count => arrived(count, ours), at, context, page, sent }
}
