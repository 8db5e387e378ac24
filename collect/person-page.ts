import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'

/** A page for a person, who came by an email or a form. */
export interface PersonPage {
  readonly title: string
  /** One paragraph. */
  readonly text: string
  /** A button; it posts these fields to the page's own address. */
  readonly button?: { readonly label: string; readonly fields: Readonly<Record<string, string>> }
  /** Where to go on. */
  readonly link?: { readonly label: string; readonly href: string }
}

const style = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #566073; --back: #f4f5f7; --card: #fff; --edge: #dfe3e8; --act: #1f5fbf; --on: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #eef1f5; --soft: #a9b2c0; --back: #14171c; --card: #1e232b; --edge: #333b47; --act: #8ab8ff; --on: #10151c } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--back); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 2.25rem; background: var(--card); border: 1px solid var(--edge); border-radius: 14px; overflow-wrap: anywhere }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance }
p { margin: 0; color: var(--soft) }
form, p + p { margin-top: 1.75rem }
button { width: 100%; min-height: 3rem; padding: .6rem 1.25rem; font: inherit; font-weight: 600; color: var(--on); background: var(--act); border: 0; border-radius: 9px; cursor: pointer }
button:hover { filter: brightness(1.08) }
a { color: var(--act) }
:focus-visible { outline: 3px solid var(--act); outline-offset: 3px }
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** It can do nothing but show itself and post back; no search engine and no cache keeps it, nobody learns its address. */
const headers = {
  'cache-control': 'no-store, private',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
}

export function sendPage(reply: FastifyReply, status: number, page: PersonPage): FastifyReply {
  return reply.code(status).headers(headers).type('text/html; charset=utf-8').send(htmlOf(page))
}

/** For routes to which a browser posts: a `Problem` becomes a page for a person, and stays what it is for a program. */
export async function answerPerson(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  answer: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await answer()
  } catch (error) {
    if (!(error instanceof Problem) || !headers.accept?.includes('text/html')) throw error
    const text =
      error.status === 429
        ? 'Too much is arriving at this moment. Please go back and try again in a minute.'
        : 'This was not accepted, and nothing has changed. Please tell the owner of the website.'
    return sendPage(reply.headers(error.headers), error.status, {
      title: 'That did not work',
      text,
    })
  }
}

function htmlOf({ title, text, button, link }: PersonPage): string {
  const form = button === undefined ? '' : formOf(button.label, button.fields)
  const end =
    link === undefined ? '' : `<p><a href="${escaped(link.href)}">${escaped(link.label)}</a></p>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(text)}</p>
${form}${end}
</main>
</body>
</html>
`
}

function formOf(label: string, fields: Readonly<Record<string, string>>): string {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  )
  return `<form method="post">${inputs.join('')}<button type="submit">${escaped(label)}</button></form>`
}

function escaped(text: string): string {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, sign => entities[sign as keyof typeof entities])
}
