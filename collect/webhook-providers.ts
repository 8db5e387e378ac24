import { customerio } from './webhook-customerio.ts'
import { mailchimp } from './webhook-mailchimp.ts'
import { mailgun } from './webhook-mailgun.ts'
import { mandrill } from './webhook-mandrill.ts'
import { postmark } from './webhook-postmark.ts'
import type { Provider } from './webhook-provider.ts'
import { resend } from './webhook-resend.ts'
import { sendgrid } from './webhook-sendgrid.ts'
import { ses } from './webhook-ses.ts'
import { sparkpost } from './webhook-sparkpost.ts'

export const providers: readonly Provider[] = [
  customerio,
  mailchimp,
  mailgun,
  mandrill,
  postmark,
  resend,
  sendgrid,
  ses,
  sparkpost,
]
