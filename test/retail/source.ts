import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert } from '../harness.ts'
import { type ShopOptions, writeShop } from './shop.ts'

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

/** The real data where it is, else a generated shop, which is told. */
export class ShopFile {
  readonly #otherwise: ShopOptions
  readonly #source = findRetail()
  #folder: string | undefined

  constructor(otherwise: ShopOptions) {
    this.#otherwise = otherwise
  }

  get isReal(): boolean {
    return this.#source.kind === 'here'
  }

  get path(): string {
    if (this.#source.kind === 'here') return this.#source.path
    if (this.#folder === undefined) throw new Error('the shop is not open')
    return join(this.#folder, 'shop.csv.gz')
  }

  async open(): Promise<void> {
    if (this.#source.kind === 'here') return
    console.log(`  a generated shop instead: ${this.#source.reason}`)
    this.#folder = await mkdtemp(join(tmpdir(), 'millrace-shop-'))
    await writeShop(this.path, this.#otherwise)
  }

  async close(): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true })
  }

  /** Rejects where a proof over all of the real data has seen too few customers. */
  assertWhole(customers: number): void {
    if (this.isReal) assert.is(customers, realLines.customers)
  }
}
