import { assert, suite } from '../harness.ts'
import { openChromium } from '../sdks/chromium.ts'
import { BROWSER_SDK, writtenColumn } from '../sdks/matrix.ts'
import { measureBrowser } from '../sdks/measure-browser.ts'
import { openSite } from '../sdks/site.ts'

const test = suite('what the SDK of browsers makes of answers', { timeoutMs: 120_000 })

test(`${BROWSER_SDK}: docs/SDKS.md says what was measured`, async () => {
  const browser = await openChromium()
  const site = await openSite()
  try {
    const measured = await measureBrowser(site, { at: '', page: await browser.newPage() })
    assert.equal(
      await writtenColumn(BROWSER_SDK),
      measured,
      'run: node --import ./bin/typescript.js test/sdks/write-page.ts',
    )
  } finally {
    await browser.close()
    await site.close()
  }
})

test.run()
