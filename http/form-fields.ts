import { createRequire } from 'node:module'
import { Problem } from './problem.ts'

export interface FormField {
  readonly name: string
  readonly value: string
}

/** Required: for an import, Node would first search it for the names that it exports. */
const { Busboy } = createRequire(import.meta.url)(
  '@fastify/busboy',
) as typeof import('@fastify/busboy')

export const FIELDS_MAX = 100
export const NAME_CHARS_MAX = 100
export const VALUE_BYTES_MAX = 16_384

/**
 * The fields of a form's body in their order, urlencoded or multipart as the content type says; without one,
 * urlencoded. Files are left out, unread: a form with an empty file input is no fault of its visitor.
 *
 * @throws Problem 400 for a body that is no such form, 413 for one with more than 100 fields, or with a name of more
 *   than 100 or a value of more than 16,384 bytes
 */
export async function readFields(
  body: Buffer,
  contentType: string | undefined,
): Promise<readonly FormField[]> {
  if (/^\s*application\/json\b/i.test(contentType ?? ''))
    throw new Problem(
      400,
      'not_a_form',
      'expected a form, urlencoded or multipart; this is JSON: POST /v1/track takes that',
    )
  const isMultipart = contentType?.trim().toLowerCase().startsWith('multipart/') === true
  const type = isMultipart && contentType ? contentType : 'application/x-www-form-urlencoded'
  return new Promise((resolve, reject) => {
    const fields: FormField[] = []
    const bad = (error: unknown) =>
      reject(new Problem(400, 'not_a_form', `the body is no form: ${messageOf(error)}`))
    const tooLarge = () =>
      reject(
        new Problem(
          413,
          'form_too_large',
          `a form has at most ${FIELDS_MAX} fields, a name ${NAME_CHARS_MAX} and a value ${VALUE_BYTES_MAX} bytes; this one has more`,
        ),
      )
    try {
      const parser = new Busboy({
        headers: { 'content-type': type },
        limits: {
          fieldNameSize: NAME_CHARS_MAX,
          fieldSize: VALUE_BYTES_MAX,
          fields: FIELDS_MAX + 1,
          files: 0,
          parts: FIELDS_MAX + 10,
          headerPairs: 20,
          headerSize: 4_096,
        },
      })
      parser.on('field', (name, value, nameIsCut, valueIsCut) => {
        fields.push({ name, value })
        if (nameIsCut || valueIsCut) tooLarge()
        if (fields.length > FIELDS_MAX || name.length > NAME_CHARS_MAX) tooLarge()
      })
      parser.on('partsLimit', tooLarge)
      parser.on('error', bad)
      parser.on('finish', () => resolve(fields))
      parser.end(body)
    } catch (error) {
      bad(error)
    }
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'it cannot be read'
}
