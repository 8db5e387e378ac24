import compress from '@fastify/compress'
import { addAmpForms } from './amp-forms.ts'
import { addAmpRoutes } from './amp-routes.ts'
import { addAudit, noAudit } from './audit.ts'
import { addBlockRoutes, blockAnswersOf } from './block-routes.ts'
import type { Desk } from './desk.ts'
import { addGraphql } from './graphql.ts'
import { addImageRoutes } from './image-routes.ts'
import { addManyRoutes } from './many-routes.ts'
import { checkBodiesOnly, describeRoutes } from './openapi.ts'
import { addPageRoutes } from './page-routes.ts'
import { addPrivacyRoutes } from './privacy-routes.ts'
import { addRecommendRoutes } from './recommend-routes.ts'
import { addFeatureRoutes } from './routes.ts'
import { addSegmentRoutes } from './segment-routes.ts'

/** Smaller answers cost more to compress than to send. */
const COMPRESSED_FROM_BYTES = 1_024

/** Every route of serving, each part's in a file of its own; what they share is registered before them. */
export function addAllRoutes(desk: Omit<Desk, 'audit'>): void {
  desk.app.register(compress, { threshold: COMPRESSED_FROM_BYTES, encodings: ['br', 'gzip'] })
  describeRoutes(desk.app, desk.version)
  desk.app.register(async app => {
    checkBodiesOnly(app)
    const { auditLog } = desk
    const audit = auditLog === undefined ? noAudit : addAudit(app, auditLog)
    const inner = { ...desk, app, audit }
    addFeatureRoutes(inner)
    addManyRoutes(inner)
    addRecommendRoutes(inner)
    addSegmentRoutes(inner)
    addPrivacyRoutes(inner)
    const answers = blockAnswersOf(inner)
    addBlockRoutes(inner, answers)
    addAmpRoutes(inner, answers, desk.ampSenders)
    addGraphql(inner)
    addImageRoutes(inner, desk.painter)
    if (desk.page !== undefined) addPageRoutes(inner, answers, desk.page)
    addAmpForms(inner, desk.events, desk.ampSenders)
  })
}
