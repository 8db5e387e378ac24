export interface RowBatch {
  /** `{ "<name>": [...] }` */
  readonly body: string
  /** Which of the rows it begins with, and how many it has. */
  readonly first: number
  readonly count: number
}

const rowsMax = 500
/** Below what collect takes in one request, 500 KB. */
const bytesMax = 400 * 1024

/** Rows in the bodies of as few requests as collect's bounds allow, in their order. */
export function* inBatches(rows: readonly unknown[], name: string): Generator<RowBatch> {
  let texts: string[] = []
  let bytes = 0
  let first = 0
  const batch = () => ({
    ...{ body: `{"${name}":[${texts.join(',')}]}`, first, count: texts.length },
  })
  for (const [at, row] of rows.entries()) {
    const text = JSON.stringify(row) ?? 'null'
    const textBytes = Buffer.byteLength(text) + 1
    if (texts.length > 0 && (texts.length >= rowsMax || bytes + textBytes > bytesMax)) {
      yield batch()
      texts = []
      bytes = 0
      first = at
    }
    texts.push(text)
    bytes += textBytes
  }
  if (texts.length > 0) yield batch()
}
