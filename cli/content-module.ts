import { pathToFileURL } from 'node:url'
import type { Block } from '../content/block.ts'
import { UserError } from './user-error.ts'

/** What emails show: the `blocks` that a module of the user's exports; those of a shop when no file is given. */
export async function loadBlocks(file: string | undefined): Promise<readonly Block[]> {
  const url = file === undefined ? ownBlocks() : pathToFileURL(file).href
  let module: unknown
  try {
    module = await import(url)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UserError('bad_content', `the blocks in ${file} cannot be loaded: ${reason}`, error)
  }
  const blocks = (module as { blocks?: unknown }).blocks
  if (Array.isArray(blocks) && blocks.every(isBlock)) return unique(blocks, file)
  throw new UserError(
    'bad_content',
    `${file} exports no blocks: write "export const blocks = [defineBlock({ ... })]"`,
  )
}

function ownBlocks(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`../content/shop-blocks.${extension}`, import.meta.url).href
}

function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && 'shape' in value && 'bytesMax' in value
}

function unique(blocks: readonly Block[], file: string | undefined): readonly Block[] {
  const names = blocks.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return blocks
  throw new UserError('bad_content', `${file} has two blocks named ${twice}: name one otherwise`)
}
