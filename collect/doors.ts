import { readBodiesRaw } from './body.ts'
import { allowPages } from './cors.ts'
import type { Door } from './door.ts'
import { addSegmentRoutes, type SegmentOptions } from './segment-routes.ts'
import { addSettingsRoute } from './settings-route.ts'

export interface DoorsOptions extends SegmentOptions {
  /** Where browsers find this server; what their requests say when left out. */
  readonly publicUrl?: string
}

/** Every way in. */
export function addDoors(door: Door, options: DoorsOptions): void {
  readBodiesRaw(door.app)
  allowPages(door.app)
  addSegmentRoutes(door, options)
  addSettingsRoute(door, options.publicUrl)
}
