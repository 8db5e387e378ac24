import type { Browser, Page } from 'playwright-core'

export interface Looked {
  /** CSS pixels. */
  readonly width: number
  readonly dark?: boolean
  readonly images?: boolean
}

/** A page that shows the email and asks no network: product pictures are drawn here. */
export async function show(browser: Browser, html: string, looked: Looked): Promise<Page> {
  const { width, dark = false, images = true } = looked
  const page = await browser.newPage({
    viewport: { width, height: 600 },
    colorScheme: dark ? 'dark' : 'light',
  })
  await page.route('**/*', route => {
    const name = /^https:\/\/images\.shop\.example\/([\w-]+)\.png$/.exec(route.request().url())?.[1]
    if (name === undefined || !images) return route.abort()
    return route.fulfill({ contentType: 'image/svg+xml', body: picture(name) })
  })
  await page.setContent(html, { waitUntil: 'load' })
  return page
}

/**
 * The AMP part as a client shows it once its lists are filled: the element that we also put there for the time before.
 * The runtime itself comes from a server of Google's, so it is not run here.
 */
export function ampShown(amp: string): string {
  return amp
    .replace(/<script[^>]*><\/script>|<style amp4email-boilerplate>.*?<\/style>/gs, '')
    .replace(/<template .*?<\/template>/gs, '')
    .replace(/<div fallback>.*?<\/div><div overflow[^>]*>.*?<\/div><\/amp-list>/gs, '</amp-list>')
    .replaceAll('<amp-list ', '<div ')
    .replaceAll('</amp-list>', '</div>')
    .replaceAll('<amp-img ', '<img ')
    .replaceAll('</amp-img>', '')
    .replaceAll('layout="intrinsic"', 'style="max-width:100%;height:auto"')
}

/** A vase on a board, in colours by the name. */
function picture(name: string): string {
  let sum = 7
  for (const sign of name) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 360
  const fill = (saturation: number, light: number) => `fill="hsl(${sum} ${saturation}% ${light}%)"`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 244 244" width="244" height="244"><rect width="244" height="244" ${fill(35, 86)}/><path d="M98 52h48l-8 34c34 20 36 74 8 100h-48c-28-26-26-80 8-100z" ${fill(38, 54)}/><rect x="52" y="186" width="140" height="12" rx="6" ${fill(28, 40)}/></svg>`
}
