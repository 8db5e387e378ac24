/** One thing that a person may want to know. */
export interface BrokerLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
}

export type BrokerLog = (line: BrokerLine) => void
