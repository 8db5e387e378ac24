import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ownFolder } from './own-folder.ts'
import { compileTemplate, type Template } from './template.ts'

/** The templates of one folder, each compiled once; one whose file has changed, again. */
export interface TemplateFolder {
  /** The names in it. */
  names(): Promise<string[]>
  /** `undefined` where there is none of that name. Rejects with a `TemplateError` for one that is wrong. */
  find(name: string): Promise<Template | undefined>
}

interface Kept {
  readonly version: string
  readonly template: Template
}

/** `keptMax`: so many stay compiled; of more, that which was asked for longest ago goes. */
export function openTemplates(folder: string, { keptMax = 100 } = {}): TemplateFolder {
  const kept = new Map<string, Kept>()
  return {
    async names() {
      const files = await readdir(folder)
      return files
        .filter(file => /^[\w-]{1,64}\.mjml$/.test(file))
        .map(file => basename(file, '.mjml'))
        .sort()
    },
    async find(name) {
      if (!/^[\w-]{1,64}$/.test(name)) return undefined
      const file = join(folder, `${name}.mjml`)
      const version = await versionOf(file)
      if (version === undefined) return undefined
      const last = kept.get(name)
      const template =
        last?.version === version
          ? last.template
          : compileTemplate(name, await readFile(file, 'utf8'), file)
      kept.delete(name)
      kept.set(name, { version, template })
      for (const [oldest] of kept) if (kept.size > keptMax) kept.delete(oldest)
      return template
    },
  }
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size } = await stat(file)
    return `${mtimeMs} ${size}`
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The templates that come with the package. */
export function ownTemplates(): string {
  return ownFolder('templates')
}
