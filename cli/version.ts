import { existsSync, readFileSync } from 'node:fs'

/** The version in package.json, which lies one folder up in a checkout and two up in the built package. */
export function packageVersion(): string {
  const candidates = ['../package.json', '../../package.json'].map(
    path => new URL(path, import.meta.url),
  )
  const found = candidates.find(url => existsSync(url))
  if (found === undefined) throw new Error(`no package.json above ${import.meta.url}`)
  const { version } = JSON.parse(readFileSync(found, 'utf8')) as { version: string }
  return version
}
