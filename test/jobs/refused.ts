import type { JobDefinition } from '../../jobs/define-job.ts'
import * as language from '../../jobs/define-job.ts'
import { JobError } from '../../jobs/job.ts'
import { assert } from '../harness.ts'

/** A word of the language, as a JavaScript author may call it. */
export function call(word: string, ...given: unknown[]): unknown {
  const make: unknown = Object.entries(language).find(([name]) => name === word)?.[1]
  if (typeof make !== 'function') throw new Error(`there is no word ${word}`)
  return make(...given)
}

/** Passes when `defineJob` refuses it, and says all of these words. */
export function refused(definition: () => object, words: readonly string[]): void {
  assert.throws(
    () => language.defineJob(definition() as JobDefinition),
    (error: unknown) => {
      if (!(error instanceof JobError)) throw error
      assert.is(error.code, 'bad_definition')
      for (const word of words)
        assert.ok(error.message.includes(word), `${word} in: ${error.message}`)
      return true
    },
  )
}
