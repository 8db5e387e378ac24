/** A webhook that cannot be opened: its secret is none of that provider's. The message repeats nothing of it. */
export class BadWebhook extends Error {
  override readonly name = 'BadWebhook'
  readonly code = 'bad_webhook'

  constructor(path: string, cause: unknown) {
    const own = cause instanceof TypeError && !('code' in cause) ? `: ${cause.message}` : ''
    super(`the secret of the webhook ${path} is not what its provider gives out${own}`, { cause })
  }
}
