import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { type Millrace, startMillrace } from '../cli/millrace.ts'
import { assert, suite } from '../harness.ts'
import { openChromium } from '../sdks/chromium.ts'

const test = suite('the page of npm start', { timeoutMs: 120_000 })
const anyPort = ['--port', '--job-port', '--collect-port', '--broker-port'].flatMap(each => [
  each,
  '0',
])
const PATIENCE = { timeout: 30_000 }
let data = ''
let started: Millrace | undefined
let browser: Browser | undefined
let page: Page
const faults: string[] = []

test.before(async () => {
  browser = await openChromium()
  data = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  started = startMillrace(['start', '--data', data, '--rate', '50', ...anyPort])
  const printed = await started.printed(/http:\S+\/v1\/amp\/\S+\n[\s\S]*live, /)
  const [, url = ''] = /\n(http:\/\/127\.0\.0\.1:\d+\/)\n/.exec(printed) ?? []
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  page.on('pageerror', error => void faults.push(error.message))
  page.on('console', line => void (line.type() === 'error' && faults.push(line.text())))
  await page.goto(url)
  await page.waitForSelector('.products li', PATIENCE)
})
test.after(async () => {
  await browser?.close()
  started?.child.kill('SIGINT')
  await started?.ended
  if (data !== '') await rm(data, { recursive: true, force: true })
})

const letter = () => page.frameLocator('#frame').locator('body')
const tookNow = async () => (await page.locator('#took').textContent()) ?? ''

test('a click in the shop is in the email, with the time that it took', async () => {
  const product = page.locator('.products li').first()
  const title = (await product.locator('.title').textContent()) ?? ''
  await product.locator('.look').click()
  await letter().getByText(title).first().waitFor(PATIENCE)
  await page
    .locator('.events li .ms', { hasText: /^\d+ ms$/ })
    .first()
    .waitFor(PATIENCE)
  assert.match(await tookNow(), /^\d+ ms$/)
  assert.match((await page.locator('#features').textContent()) ?? '', /views7d1/)
})

test('the cart is asked for by AMP when the email is opened, and emptied by an order', async () => {
  await page.selectOption('#template', 'abandoned-cart')
  await page.getByRole('tab', { name: 'AMP' }).click()
  const product = page.locator('.products li').nth(2)
  const title = (await product.locator('.title').textContent()) ?? ''
  await product.locator('.add').click()
  await letter().getByText(title).first().waitFor(PATIENCE)
  assert.match(
    (await page.locator('#note').textContent()) ?? '',
    /^1 live list, asked for just now/,
  )
  await page.getByRole('button', { name: 'Order what is in the cart' }).click()
  await letter().getByText('Your cart is empty now').waitFor(PATIENCE)
})

test('works by keyboard alone', async () => {
  await page.getByRole('tab', { name: 'AMP' }).focus()
  await page.keyboard.press('ArrowRight')
  assert.is(await page.locator('[role=tab][aria-selected=true]').textContent(), 'Text')
  await page.locator('#plain').waitFor(PATIENCE)
  assert.match((await page.locator('#plain').textContent()) ?? '', 'Weir & Wheel')
  await page.keyboard.press('ArrowRight')
  assert.is(await page.locator('[role=tab][aria-selected=true]').textContent(), 'HTML')

  const product = page.locator('.products li').nth(4)
  await product.locator('.add').focus()
  await page.keyboard.press('Enter')
  const title = (await product.locator('.title').textContent()) ?? ''
  await letter().getByText(title).first().waitFor(PATIENCE)
})

test('fits a telephone, and the dark', async () => {
  await page.setViewportSize({ width: 390, height: 800 })
  await page.emulateMedia({ colorScheme: 'dark' })
  const [scrollWidth = 0, clientWidth = 0] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as number[]
  assert.ok(scrollWidth <= clientWidth, `${scrollWidth} of ${clientWidth}`)
  const [ink, ground] = (await page.evaluate(
    '[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor]',
  )) as string[]
  assert.ok(brightness(ink) - brightness(ground) > 150, `${ink} on ${ground}`)
})

test('nothing went wrong in the page', () => assert.equal(faults, []))

test.run()

function brightness(color = ''): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map(Number)
  return (red + green + blue) / 3
}
