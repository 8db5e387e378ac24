import { beginState, openState } from '../state/codec.ts'
import { StateWriter } from '../state/state-writer.ts'
import type { Job } from './job.ts'

/** A state by itself, without what the runtime remembers of its key: for another key, or another job, to merge. */
export function encodedAlone<State>(job: Pick<Job<State>, 'encode'>, state: State): Uint8Array {
  const writer = new StateWriter()
  beginState(writer, undefined)
  job.encode(state, writer)
  return writer.copy()
}

/** The inverse of `encodedAlone`. Throws a `CodecError` or a `JobError` for what that did not make. */
export function decodedAlone<State>(job: Pick<Job<State>, 'decode'>, bytes: Uint8Array): State {
  const from = openState(bytes)
  const state = job.decode(from)
  from.end()
  return state
}
