/** What a worker of `millrace serve` tells its primary. */
export type FromWorker =
  | { readonly kind: 'listening'; readonly url: string }
  /** Everything is in its views: another may drain. */
  | { readonly kind: 'ready' }
  /** Its own metrics, as the primary asked for them. */
  | { readonly kind: 'figures'; readonly ask: number; readonly text: string }
  /** It was asked for the metrics, and wants those of all. */
  | { readonly kind: 'ask-figures'; readonly ask: number }

/** What the primary tells a worker. */
export type FromPrimary =
  /** Answer what is under way, and end. */
  | { readonly kind: 'drain' }
  | { readonly kind: 'tell-figures'; readonly ask: number }
  | { readonly kind: 'all-figures'; readonly ask: number; readonly text: string }

/** In a worker's environment: which of the view folders is its own, from 1. */
export const SLOT = 'MILLRACE_SERVE_SLOT'
/** And the port that all of them share, where the command line leaves the choice to the system. */
export const PORT = 'MILLRACE_SERVE_PORT'
