import {
  type ASTVisitor,
  type FieldNode,
  GraphQLError,
  type ValidationContext,
  type ValueNode,
} from 'graphql'

/** What a query may cost: each field one, times how many there may be of what it stands in. */
export const COST_MAX = 5_000
export const DEPTH_MAX = 8
/** What a query may weigh before it is even parsed, characters. */
export const QUERY_CHARS_MAX = 16_384
const ALIASES_MAX = 50

/** How many a field may answer: what its argument asks for, else what it answers without. */
const lists: Readonly<Record<string, { argument: string; otherwise: number; most: number }>> = {
  users: { argument: 'ids', otherwise: 1, most: 100 },
  recommendations: { argument: 'count', otherwise: 10, most: 24 },
  segment: { argument: 'limit', otherwise: 100, most: 1_000 },
}

/**
 * Refuses a query that would cost too much before any of it is answered: by its depth, by how many fields it could
 * answer, by its aliases, and where a variable hides how many are asked for, by the most there can be. Fragments are
 * counted at each use, and one that uses itself is refused by GraphQL's own rules.
 */
export function costRule(context: ValidationContext): ASTVisitor {
  let aliases = 0
  return {
    Field(node) {
      if (node.alias !== undefined && ++aliases === ALIASES_MAX + 1)
        context.reportError(refusal(`at most ${ALIASES_MAX} aliases`))
    },
    OperationDefinition(operation) {
      const costOf = counter(context)
      const cost = costOf(operation.selectionSet.selections, 1, 1)
      if (cost === 'too_deep') context.reportError(refusal(`a depth of at most ${DEPTH_MAX}`))
      else if (cost > COST_MAX)
        context.reportError(refusal(`a cost of at most ${COST_MAX}, and this one has more`))
    },
  }
}

type Selections = readonly import('graphql').SelectionNode[]

function counter(context: ValidationContext) {
  const visit = (selections: Selections, times: number, depth: number): number | 'too_deep' => {
    if (depth > DEPTH_MAX) return 'too_deep'
    let cost = 0
    for (const selection of selections) {
      if (cost > COST_MAX) return cost
      const inner = costOf(selection, times, depth)
      if (inner === 'too_deep') return inner
      cost += inner
    }
    return cost
  }
  const costOf = (selection: Selections[number], times: number, depth: number) => {
    if (selection.kind === 'FragmentSpread') {
      const fragment = context.getFragment(selection.name.value)
      // A fragment takes a level, so that one that uses itself ends, too.
      return fragment ? visit(fragment.selectionSet.selections, times, depth + 1) : 0
    }
    if (selection.kind === 'InlineFragment')
      return visit(selection.selectionSet.selections, times, depth + 1)
    const own = times * howMany(selection)
    const { selectionSet } = selection
    if (selectionSet === undefined) return own
    const inner = visit(selectionSet.selections, own, depth + 1)
    return inner === 'too_deep' ? inner : own + inner
  }
  return visit
}

function howMany(field: FieldNode): number {
  const list = lists[field.name.value]
  if (list === undefined) return 1
  const given = field.arguments?.find(({ name }) => name.value === list.argument)?.value
  if (given === undefined) return list.otherwise
  return Math.min(sizeOf(given) ?? list.most, list.most)
}

/** `undefined` where a variable says it. */
function sizeOf(value: ValueNode): number | undefined {
  if (value.kind === 'ListValue') return value.values.length
  if (value.kind === 'IntValue') return Math.max(1, Number(value.value))
  return undefined
}

function refusal(bound: string): GraphQLError {
  return new GraphQLError(`a query has ${bound}: ask for less, or in several queries`, {
    extensions: { code: 'too_costly' },
  })
}
