/** JSON Schemas of what the routes take and answer: they check requests, and are the OpenAPI description. */

export const userId = {
  type: 'string',
  minLength: 1,
  maxLength: 1_024,
  description: 'Id of a user',
} as const
export const fields = {
  type: 'string',
  maxLength: 8_192,
  description: 'Names of features, separated by commas; all when left out',
} as const

export const standing = {
  source: {
    type: 'string',
    enum: ['live', 'stale', 'fallback'],
    description:
      'live while the topic is followed; stale where the answer may be old; fallback where nothing is known',
  },
  ageMs: { type: 'number', description: 'How far the answer may be behind the topic, ms' },
} as const

export const row = {
  type: 'object',
  required: ['key', 'version', 'asOf', 'features', 'segments', 'source', 'ageMs'],
  properties: {
    key: userId,
    version: {
      type: 'array',
      items: { type: 'integer' },
      description: '[offset, revision]; for one user it never goes back',
    },
    asOf: { type: 'number', description: 'Event time of the newest event in the row, epoch ms' },
    features: { type: 'object', additionalProperties: true },
    segments: { type: 'array', items: { type: 'string' } },
    ...standing,
  },
} as const

export const product = {
  type: 'object',
  required: ['id', 'title'],
  properties: {
    id: { type: 'string' },
    title: { type: 'string' },
    price: { type: 'number' },
    currency: { type: 'string' },
    stock: { type: 'number' },
    url: { type: 'string' },
    image: { type: 'string' },
    category: { type: 'string' },
  },
} as const

export const receipt = {
  type: 'object',
  required: ['erasure', 'user', 'acceptedAt', 'places'],
  properties: {
    erasure: { type: 'string', description: 'messageId of the event that erases' },
    user: userId,
    acceptedAt: { type: 'string', description: 'ISO 8601' },
    places: {
      type: 'array',
      items: {
        type: 'object',
        required: ['place', 'how', 'emptyBy', 'note'],
        properties: {
          place: { type: 'string', description: 'A topic, or what else holds something' },
          how: {
            type: 'string',
            enum: ['tombstone', 'retention', 'follows', 'rotation', 'by hand'],
          },
          emptyBy: {
            type: ['string', 'null'],
            description: 'ISO 8601; null where no setting bounds it, see the note',
          },
          note: { type: 'string' },
        },
      },
    },
  },
} as const

const exportedRow = {
  anyOf: [{ type: 'object', additionalProperties: true }, { type: 'null' }],
} as const

export const exported = {
  type: 'object',
  required: ['user', 'exportedAt', 'views'],
  properties: {
    user: userId,
    exportedAt: { type: 'string', description: 'ISO 8601' },
    views: {
      type: 'object',
      required: ['features'],
      properties: { features: exportedRow, pairs: exportedRow },
    },
  },
} as const

export const problem = {
  type: 'object',
  description: 'RFC 9457',
  required: ['title', 'status', 'code', 'detail'],
  properties: {
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable' },
    detail: { type: 'string', description: 'What was expected, what came, and what to do' },
  },
} as const

/** Responses of errors, by status. */
export function problems(...statuses: number[]) {
  const content = { 'application/problem+json': { schema: problem } }
  return Object.fromEntries(
    statuses.map(status => [status, { description: names[status], content }]),
  )
}

const names: Record<number, string> = {
  400: 'The request cannot be understood',
  401: 'No key, or an unknown one',
  403: 'The key does not allow it',
  404: 'There is no such thing',
  429: 'More requests than the key may send',
  503: 'Not known yet: ask again in a second',
}
