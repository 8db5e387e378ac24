/** One aborted transaction of one producer in one partition. */
export interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
  /** Of its abort marker. */
  readonly lastOffset: number
}

export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

export function indexPath(logPath: string): string {
  return logPath.replace(/\.log.*$/, '.index')
}
