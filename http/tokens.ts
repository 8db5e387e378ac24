/** Signed words in a URL: who an email was sent to, where a click goes. Nobody else can make one; all can read it. */
export interface Tokens {
  /**
   * @param purpose what it is for, such as `open`: a token for one purpose opens nothing for another
   * @param expiresAt epoch ms; kept to the second, rounded up
   */
  sign(purpose: string, claims: Readonly<Record<string, string>>, expiresAt: number): string
  /** @param now epoch ms */
  open(purpose: string, token: string, now: number): Opened
}

export type Opened =
  | { readonly claims: Readonly<Record<string, string>> }
  | { readonly fault: TokenFault }

export type TokenFault = 'malformed' | 'unknown_key' | 'bad_signature' | 'other_purpose' | 'expired'
