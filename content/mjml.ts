import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createContext, Script } from 'node:vm'
import type { Fail } from './template-error.ts'

interface MjmlError {
  readonly line: number
  readonly message: string
  readonly tagName: string
}
interface MjmlAnswer {
  readonly html: string
  readonly errors: readonly MjmlError[]
}
type Mjml = (source: string, options: Record<string, unknown>) => MjmlAnswer

let loaded: Mjml | undefined

/**
 * MJML to HTML, some ten milliseconds. What MJML does not know is an error, where MJML itself would leave it out.
 * The first call loads mjml-browser: 130 ms, 18 MB.
 */
export function compileMjml(source: string, fail: Fail): string {
  loaded ??= load()
  const options = { validationLevel: 'soft', keepComments: false, fonts: {}, minify: false }
  const { html, errors } = loaded(source, options)
  const [error] = errors
  if (error !== undefined)
    fail(error.line, `<${error.tagName}>: ${error.message}`, 'see documentation.mjml.io')
  return html
}

/** A build for browsers that wants a `window`: it gets one in a context of its own, and no `process` and no `require`. */
function load(): Mjml {
  const path = createRequire(import.meta.url).resolve('mjml-browser')
  const exported: { exports: unknown } = { exports: {} }
  const world: Record<string, unknown> = { module: exported, exports: exported.exports }
  world.window = world
  new Script(readFileSync(path, 'utf8'), { filename: path }).runInContext(createContext(world))
  const { exports } = exported
  if (typeof exports !== 'function') throw new TypeError(`${path} exports no function`)
  return exports as Mjml
}
