/** The parts of a browser that the page script uses. TypeScript's own `dom` types would be everywhere, also on the server. */
export interface PageWindow {
  millrace?: readonly Call[] | PageQueue
  readonly document: PageDocument
  readonly location: { readonly href: string; readonly pathname: string; readonly search: string }
  readonly navigator: PageNavigator
  readonly localStorage: {
    getItem(key: string): string | null
    setItem(key: string, value: string): void
    removeItem(key: string): void
  }
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array }
  readonly performance: { now(): number }
  readonly FormData: new (form: PageElement) => { get(name: string): unknown }
  fetch(url: string, options: Readonly<Record<string, unknown>>): Promise<unknown>
  setTimeout(callback: () => void, ms: number): number
  clearTimeout(timer: number): void
  addEventListener(type: string, listener: (event: PageEvent) => unknown): void
}

export interface PageDocument {
  readonly currentScript: { readonly src: string } | null
  readonly prerendering?: boolean
  readonly referrer: string
  readonly title: string
  readonly visibilityState: string
  addEventListener(type: string, listener: (event: PageEvent) => unknown, capture?: boolean): void
}

export interface PageNavigator {
  readonly doNotTrack?: string | null
  readonly globalPrivacyControl?: boolean
  readonly language: string
  sendBeacon?(url: string, body: string): boolean
}

export interface PageEvent {
  readonly type: string
  readonly target: PageElement
  readonly button: number
  readonly persisted: boolean
}

export interface PageElement {
  readonly attributes: ArrayLike<{ readonly name: string; readonly value: string }>
  readonly dataset: Readonly<Record<string, string | undefined>>
  readonly href?: string
  readonly id: string
  readonly textContent: string | null
  value: string
  closest?(selector: string): PageElement | null
  querySelector(selector: string): PageElement | null
  getAttribute(name: string): string | null
}

/** What a page may call: `millrace.push(['track', 'Signed Up', { plan: 'pro' }])`, before or after the script is there. */
export interface PageApi {
  track(event: string, properties?: object): void
  page(name?: string, properties?: object): void
  identify(userId?: string, traits?: object): void
  group(groupId: string, traits?: object): void
  /** Category by category, as `context.consent.categoryPreferences` has it. */
  consent(preferences: Readonly<Record<string, boolean>>): void
  /** Somebody else sits there now, as after a log-out. */
  reset(): void
}

export type Call = readonly [name: keyof PageApi, ...values: unknown[]]

export interface PageQueue {
  push(...calls: readonly Call[]): void
}

/** Kept in the browser under the name `millrace`. */
export interface Visitor {
  anonymousId?: string | undefined
  userId?: string | undefined
  consent?: Readonly<Record<string, boolean>> | undefined
}
