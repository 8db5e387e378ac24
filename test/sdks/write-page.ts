// Measures what each SDK makes of each answer, and writes that into docs/SDKS.md.
import { readFile, writeFile } from 'node:fs/promises'
import { launchChromium, noChromium } from './launch-chromium.ts'
import { BROWSER_SDK, measureServers, pagePath, tableOf } from './matrix.ts'
import { measureBrowser } from './measure-browser.ts'
import { openSite } from './site.ts'
import { openStubServer } from './stub-server.ts'

const stub = await openStubServer()
const columns = new Map(await measureServers(stub))
await stub.close()

const browser = await launchChromium()
if (browser === undefined) throw new Error(noChromium)
const site = await openSite()
const page = await browser.newPage()
columns.set(BROWSER_SDK, await measureBrowser(site, { at: '', page }))
await browser.close()
await site.close()

const before = await readFile(pagePath, 'utf8')
const after = before.replace(/^\| answer[\s\S]*?(?=\n\n)/m, () => tableOf(columns))
await writeFile(pagePath, after)
