import { beginState, openState } from '../../state/codec.ts'
import { StateWriter } from '../../state/state-writer.ts'

/** A state that is one value. */
export function encodedValue(value: unknown, timerAt: number | undefined): Uint8Array {
  const writer = new StateWriter()
  beginState(writer, timerAt)
  writer.value(value)
  return writer.copy()
}

export function decodedValue(bytes: Uint8Array): unknown {
  const from = openState(bytes)
  const value = from.value()
  from.end()
  return value
}
