/**
 * Draws the pictures of docs/EMAILS.md, by hand, after a change of the shop's emails:
 *
 *     node --import ./bin/typescript.js test/content/pictures.ts
 */
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { show } from './in-chromium.ts'
import { sampledTemplates } from './own-templates.ts'

mkdirSync('docs/images', { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
for (const { template, sample } of await sampledTemplates()) {
  const { html } = template.render(sample)
  await draw(`${template.name}-phone`, html, { width: 390 })
  await draw(`${template.name}-phone-dark`, html, { width: 390, dark: true })
  if (template.name !== 'abandoned-cart') continue
  await draw(`${template.name}-desktop`, html, { width: 1200 })
  await draw(`${template.name}-no-images`, html, { width: 390, images: false })
}
await browser.close()

async function draw(name: string, html: string, looked: Parameters<typeof show>[2]): Promise<void> {
  const page = await show(browser, html, looked)
  await page.screenshot({ path: `docs/images/email-${name}.png`, fullPage: true })
  await page.close()
}
