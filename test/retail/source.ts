import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The real data, or why it is not here. */
export type RetailSource =
  | { readonly kind: 'here'; readonly path: string }
  | { readonly kind: 'missing'; readonly reason: string }

/** Lines of the real data, and how many of them name no customer, as its publisher counts them. */
export const realLines = { all: 541_909, withoutCustomer: 135_080, customers: 4_372 }

/**
 * Looks for `online-retail.csv.gz` (UCI's Online Retail as one gzipped CSV) in the folder that
 * MILLRACE_RETAIL_DATA names, or in ../shared/data/online-retail beside the project.
 */
export function findRetail(environment = process.env): RetailSource {
  const named = environment.MILLRACE_RETAIL_DATA
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const folder = named ?? join(root, '..', 'shared', 'data', 'online-retail')
  const path = join(folder, 'online-retail.csv.gz')
  if (existsSync(path)) return { kind: 'here', path }
  const hint = 'name its folder in MILLRACE_RETAIL_DATA to test with it'
  return { kind: 'missing', reason: `the retail data is not at ${path}; ${hint}` }
}
