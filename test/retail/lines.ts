import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { parse } from 'csv-parse'

/** A line of the retail CSV, as text: https://archive.ics.uci.edu/dataset/352/online+retail. */
export interface RetailLine {
  /** Line in the file, the header being line 1. */
  readonly line: number
  /** `C…` is a refund, `A…` an adjustment of bad debt, anything else an order. */
  readonly invoice: string
  readonly product: string
  readonly description: string
  readonly quantity: number
  /** `YYYY-MM-DD HH:MM:SS`, without a zone; read as UTC. */
  readonly date: string
  readonly price: number
  /** '' when missing; written as a float, such as `17850.0`. */
  readonly customer: string
  readonly country: string
}

/** The column names, in order. */
export const retailColumns = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const

/** Reads a gzipped retail CSV line by line, in file order. */
export async function* retailLines(path: string): AsyncGenerator<RetailLine> {
  const parser = parse()
  const flowing = pipeline(createReadStream(path), createGunzip(), parser)
  flowing.catch(error => parser.destroy(error))
  let line = 0
  for await (const record of parser) {
    const fields = record as string[]
    line += 1
    if (line === 1) checkHeader(fields, path)
    else yield retailLine(line, fields)
  }
  await flowing
}

function checkHeader(fields: readonly string[], path: string): void {
  const expected = retailColumns.join(',')
  const found = fields.join(',')
  if (found !== expected) throw new Error(`${path} begins with "${found}", not with "${expected}"`)
}

function retailLine(line: number, fields: readonly string[]): RetailLine {
  const [invoice, product, description, quantity, date, price, customer, country] = fields
  if (country === undefined) throw new Error(`line ${line} has ${fields.length} fields, not 8`)
  return {
    line,
    invoice: invoice ?? '',
    product: product ?? '',
    description: description ?? '',
    quantity: Number(quantity),
    date: date ?? '',
    price: Number(price),
    customer: customer ?? '',
    country,
  }
}
