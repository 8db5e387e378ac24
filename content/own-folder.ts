import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where files of ours are that are no code, from source and from dist/content/. */
export function ownFolder(name: 'page' | 'templates'): string {
  const beside = fileURLToPath(new URL(`./${name}/`, import.meta.url))
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL(`../../content/${name}/`, import.meta.url))
}
