import type { Scope } from './feature.ts'

/**
 * Numbers of a feature's definition that stand in a table of the job: of each key, those of the columns, in
 * order. `undefined` while the job has not been given its tables. Where one is missing, the job does not start.
 */
export function tableNumbers(
  scope: Scope,
  option: string,
  name: string,
  keys: readonly string[],
  columns: readonly string[],
): number[] | undefined {
  const table = scope.tables[name]
  if (table === undefined)
    return scope.fail(
      `${option} is "${name}", and the job has no such table`,
      `write tables: { ${name}: table('${name}.csv', { key: 'key', columns: { ${columns[0]}: 'number' } }) }`,
    )
  if (table.hash === '') return undefined
  return keys.flatMap(key => {
    const row = table.get(key)
    return columns.map(column => {
      const found = row?.[column]
      if (typeof found === 'number' && Number.isFinite(found)) return found
      return scope.fail(
        `table "${name}" has ${JSON.stringify(found) ?? 'nothing'} in column ${column} of "${key}"`,
        `write a number there, and columns: { ${column}: 'number' } for the table`,
      )
    })
  })
}
