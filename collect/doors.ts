import type { Addresses } from './address.ts'
import { readBodiesRaw } from './body.ts'
import { addClickRoutes } from './click.ts'
import { allowPages } from './cors.ts'
import type { Door } from './door.ts'
import { addFormRoutes } from './forms.ts'
import { createJudge, type Judge } from './judge.ts'
import { addPageScript } from './page-script.ts'
import { addPixelRoutes } from './pixel.ts'
import { addPosthogRoutes } from './posthog.ts'
import { addProductRoutes, type ProductsDoor } from './products.ts'
import { addEventRoutes, addProfileRoutes } from './profiles.ts'
import { addSegmentRoutes, type SegmentOptions } from './segment-routes.ts'
import { addSettingsRoute } from './settings-route.ts'
import { addUnsubscribeRoutes } from './unsubscribe.ts'
import { addWebhookRoutes, type WebhooksOptions } from './webhooks.ts'

export interface DoorsOptions extends SegmentOptions {
  /** Where browsers find this server; what their requests say when left out. */
  readonly publicUrl?: string
  readonly addresses?: Addresses
  /** Email providers' webhooks; none when left out. */
  readonly webhooks?: Omit<WebhooksOptions, 'judge' | 'keepIp'>
  /** Of opens and clicks; one with the newest rules when left out. */
  readonly judge?: Judge
}

/** Every way in. */
export function addDoors(door: Door & ProductsDoor, options: DoorsOptions): void {
  const { keepIp, addresses, webhooks, judge = createJudge() } = options
  readBodiesRaw(door.app)
  allowPages(door.app)
  addSegmentRoutes(door, options)
  addSettingsRoute(door, options.publicUrl)
  addPageScript(door.app)
  addPixelRoutes(door, { judge, keepIp })
  addClickRoutes(door, { judge, keepIp })
  addUnsubscribeRoutes(door, { keepIp })
  addFormRoutes(door, { addresses, keepIp })
  addPosthogRoutes(door, options)
  addEventRoutes(door)
  addProfileRoutes(door)
  addProductRoutes(door)
  if (webhooks !== undefined) addWebhookRoutes(door, { ...webhooks, judge, keepIp })
}
