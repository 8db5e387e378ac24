import type { Event } from './event.ts'
import type { Feature } from './feature.ts'
import type { Selection, Valued } from './selection.ts'
import { checkOptions } from './selection.ts'
import { topK } from './top-k.ts'

export interface TopCategoriesOptions extends Pick<Selection, 'where' | 'purpose'> {
  /** What each event weighs, by its name, 0 to 1,000; { 'Product Viewed': 1, 'Product Added': 3 } when left out. */
  readonly weights?: Readonly<Record<string, number>>
  /** A path in the event's properties, or a function; 'category' when left out. Events without it are passed over. */
  readonly value?: Valued['value']
  /** How many to show, 1 to 100; 3 when left out. */
  readonly k?: number
  /** After so long an event weighs half; '14d' when left out. */
  readonly halfLife?: string
  /** How many compete, at least `k`; 4 × `k` when left out. Each takes about 10 bytes and its name. */
  readonly compete?: number
}

/**
 * The categories that the user cares for most, and lately: a list of texts, heaviest first, empty for a user
 * who has none. As `topK`, over views and carts.
 */
export function topCategories(options: TopCategoriesOptions = {}): Feature {
  return {
    role: 'feature',
    kind: 'topCategories',
    options,
    compile(scope) {
      checkOptions(scope, options, [
        'weights',
        'value',
        'k',
        'halfLife',
        'compete',
        'where',
        'purpose',
      ])
      const { weights = { 'Product Viewed': 1, 'Product Added': 3 }, where } = options
      const { value = 'category', k = 3, halfLife = '14d' } = options
      const { compete = Math.min(4 * k, 1_000) } = options
      const isObject = typeof weights === 'object' && weights !== null && !Array.isArray(weights)
      const given = isObject ? Object.entries(weights) : []
      const isWeight = (weight: unknown) =>
        typeof weight === 'number' && weight >= 0 && weight <= 1_000
      if (given.length === 0 || !given.every(([, weight]) => isWeight(weight)))
        scope.fail(
          `weights is ${JSON.stringify(weights)}`,
          "write weights: { 'Product Viewed': 1, 'Product Added': 3 }, from 0 to 1000 each",
        )
      return topK({
        ...{ of: Object.keys(weights), k, value, optional: true, halfLife, compete },
        ...(where !== undefined && { where }),
        weight: (event: Event) => weights[event.event],
      }).compile(scope)
    },
  }
}
