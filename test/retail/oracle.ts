import { DuckDBInstance } from '@duckdb/node-api'

/** What one customer's row should say: the features of jobs/retail.ts, computed by somebody else. */
export type ExpectedFeatures = {
  readonly orders: number
  readonly units: number
  readonly revenue: number
  readonly lastProducts: readonly string[]
  readonly lines30d: number
  readonly units30d: number
  readonly revenue30d: number
  readonly revenue7d: number
  readonly firstAt: number
  readonly lastAt: number
}

export interface Expected {
  /** By customer. */
  readonly features: ReadonlyMap<string, ExpectedFeatures>
  readonly lines: number
  readonly linesWithoutCustomer: number
}

/**
 * Asks DuckDB for every customer's features over the first lines of a retail CSV, gzipped or not. Money is summed as
 * decimals.
 */
export async function retailOracle(
  path: string,
  linesMax = Number.MAX_SAFE_INTEGER,
): Promise<Expected> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  try {
    await connection.run(linesSql, { path, linesMax: BigInt(linesMax) })
    const totals = await connection.runAndReadAll(totalsSql)
    const [lines, linesWithoutCustomer] = totals.getRowsJS()[0] ?? []
    const rows = (await connection.runAndReadAll(featuresSql)).getRowObjectsJS()
    return {
      features: new Map(
        rows.map(({ customer, ...features }) => [String(customer), features as never]),
      ),
      lines: Number(lines),
      linesWithoutCustomer: Number(linesWithoutCustomer),
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** `preserve_insertion_order`, on by default, makes `row_number` the order of the file. */
const linesSql = `
  CREATE TABLE lines AS
  SELECT
    row_number() OVER () AS line,
    InvoiceNo AS invoice,
    CASE left(InvoiceNo, 1) WHEN 'C' THEN 'refund' WHEN 'A' THEN 'adjustment' ELSE 'order' END AS kind,
    StockCode AS product,
    CAST(Quantity AS BIGINT) AS quantity,
    CAST(Quantity AS DECIMAL(18, 4)) * CAST(UnitPrice AS DECIMAL(18, 4)) AS amount,
    epoch_ms(CAST(InvoiceDate AS TIMESTAMP)) AS ms,
    regexp_replace(CustomerID, '[.]0$', '') AS customer
  FROM read_csv($path, header = true, all_varchar = true)
  QUALIFY line <= $linesMax`

const totalsSql = 'SELECT count(*), count(*) FILTER (customer IS NULL) FROM lines'

const featuresSql = `
  WITH
    own AS (
      SELECT *, ms // 3600000 AS hour, ms // 86400000 AS day,
        max(ms) OVER (PARTITION BY customer) AS newest
      FROM lines WHERE customer IS NOT NULL
    ),
    sold AS (SELECT * FROM own WHERE kind <> 'adjustment'),
    totals AS (
      SELECT customer,
        count(DISTINCT invoice) FILTER (kind = 'order') AS orders,
        sum(quantity) AS units,
        sum(amount) AS revenue
      FROM sold GROUP BY customer
    ),
    month AS (
      SELECT customer,
        count(*) FILTER (kind = 'order') AS lines30d,
        sum(quantity) AS units30d,
        sum(amount) AS revenue30d
      FROM sold WHERE day > newest // 86400000 - 30 GROUP BY customer
    ),
    week AS (
      SELECT customer, sum(amount) AS revenue7d
      FROM sold WHERE hour > newest // 3600000 - 168 GROUP BY customer
    ),
    products AS (
      SELECT customer, product, max(line) AS line,
        row_number() OVER (PARTITION BY customer ORDER BY max(line) DESC) AS place
      FROM own WHERE kind = 'order' GROUP BY customer, product
    ),
    lastTen AS (
      SELECT customer, list(product ORDER BY line DESC) AS lastProducts
      FROM products WHERE place <= 10 GROUP BY customer
    ),
    times AS (SELECT customer, min(ms) AS firstAt, max(ms) AS lastAt FROM own GROUP BY customer)
  SELECT
    customer,
    coalesce(orders, 0)::DOUBLE AS orders,
    coalesce(units, 0)::DOUBLE AS units,
    coalesce(revenue, 0)::DOUBLE AS revenue,
    coalesce(lastProducts, []) AS lastProducts,
    coalesce(lines30d, 0)::DOUBLE AS lines30d,
    coalesce(units30d, 0)::DOUBLE AS units30d,
    coalesce(revenue30d, 0)::DOUBLE AS revenue30d,
    coalesce(revenue7d, 0)::DOUBLE AS revenue7d,
    firstAt::DOUBLE AS firstAt,
    lastAt::DOUBLE AS lastAt
  FROM times
  LEFT JOIN totals USING (customer)
  LEFT JOIN month USING (customer)
  LEFT JOIN week USING (customer)
  LEFT JOIN lastTen USING (customer)`
