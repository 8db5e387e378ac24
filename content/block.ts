/** What a block of an email shows: an object, so that templates name its parts. */
export type Content = Readonly<Record<string, unknown>>

/** A product as an email shows it: from the catalogue, as it is now. */
export interface ShownProduct {
  readonly id: string
  readonly title: string
  readonly price?: number
  /** ISO 4217, such as EUR. */
  readonly currency?: string
  /** Left; unknown when not given. */
  readonly stock?: number
  readonly url?: string
  readonly image?: string
  readonly category?: string
}

/** A product that somebody may like, and why. */
export interface RecommendedProduct extends ShownProduct {
  /** Of two, the better one has the higher; those with `because: 'popular'` are not comparable with others. */
  readonly score: number
  readonly because: 'viewed' | 'bought' | 'popular'
  /** The product last viewed or bought that counts most for it, or the category. */
  readonly of: string
}

/** What a block is made from, at the moment when it is read. */
export interface BlockInput {
  readonly user: string
  /** Those that the definition names, as far as the user has them. */
  readonly features: Readonly<Record<string, unknown>>
  /** Names of the segments that the user is in. */
  readonly segments: readonly string[]
  /** Best first, without what is sold out; empty where the block asks for none. */
  readonly recommended: readonly RecommendedProduct[]
  /** Of these ids, which must stand in the features, those that the catalogue has, in their order. */
  readonly products: (ids: readonly string[]) => readonly ShownProduct[]
  /** Epoch ms. */
  readonly now: number
}

export interface BlockDefinition {
  /** As it stands in URLs: lower-case letters, digits and dashes. */
  readonly name: string
  /** The features that it reads; a key or token for the block opens no others. */
  readonly features: readonly string[]
  /** How many recommended products it wants, at most 24; none when left out. */
  readonly recommended?: number
  /**
   * A pure function. `undefined`: there is nothing to show of this user, so that the fallback is. The features by
   * name when left out.
   */
  readonly shape?: (input: BlockInput) => Content | undefined
  /** What is shown of somebody who is not known, and when nothing else can be had in time. */
  readonly fallback: Content
  /** How long the answer may take, ms, 10 to 5,000; 200 when left out. A key's own budget counts where it has one. */
  readonly budgetMs?: number
  /** The most of the answer, bytes of JSON, at most 262,144; 16,384 when left out. Beyond it the fallback is answered. */
  readonly bytesMax?: number
}

export interface Block extends Required<BlockDefinition> {}

/** A block that cannot be: the message names it, what is wrong, and how to write it. */
export class BlockError extends Error {
  override readonly name = 'BlockError'
  readonly code = 'bad_block'
}

/** In every answer beside the content, so that no content may have them. */
export const reservedNames = ['source', 'ageMs'] as const
const RECOMMENDED_MAX = 24
const BYTES_MAX = 262_144

/** A part of an email that is filled when it is sent or opened. Throws a `BlockError`. */
export function defineBlock(definition: BlockDefinition): Block {
  const { name, features, fallback } = definition
  const wrong = (what: string) => new BlockError(`block ${JSON.stringify(name)}: ${what}`)
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(name))
    throw wrong("a name is up to 64 lower-case letters, digits and dashes: name: 'last-viewed'")
  if (!Array.isArray(features) || !features.every(each => typeof each === 'string' && each !== ''))
    throw wrong("features are names of the job's features: features: ['lastViewed'], or []")
  const block = {
    ...definition,
    recommended: whole(definition, 'recommended', 0, RECOMMENDED_MAX, 0, wrong),
    shape: definition.shape ?? (input => input.features),
    budgetMs: whole(definition, 'budgetMs', 10, 5_000, 200, wrong),
    bytesMax: whole(definition, 'bytesMax', 64, BYTES_MAX, 16_384, wrong),
  }
  if (typeof block.shape !== 'function') throw wrong('shape is a function of what the block reads')
  const fault = contentFault(fallback) ?? sizeFault(fallback, block.bytesMax)
  if (fault !== undefined) throw wrong(`its fallback ${fault}`)
  return block
}

/** Why this cannot be a block's content; `undefined`: it can. */
export function contentFault(content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return 'is no object; write one, such as { items: [] }'
  const reserved = reservedNames.find(name => name in content)
  return reserved && `has "${reserved}", which each answer has of its own; name it otherwise`
}

function sizeFault(content: Content, bytesMax: number): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(content))
  return bytes > bytesMax ? `has ${bytes} bytes of JSON, and bytesMax is ${bytesMax}` : undefined
}

function whole(
  definition: BlockDefinition,
  option: 'recommended' | 'budgetMs' | 'bytesMax',
  least: number,
  most: number,
  otherwise: number,
  wrong: (what: string) => BlockError,
): number {
  const value = definition[option] ?? otherwise
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw wrong(`${option} is a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`)
}
