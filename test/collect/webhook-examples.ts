import {
  ADDRESS,
  amazon,
  bounced,
  CHROME,
  chimp,
  cio,
  clicked,
  delivered,
  done,
  drill,
  type Example,
  gone,
  grid,
  gun,
  ip,
  is,
  iso,
  link,
  mark,
  opened,
  refused,
  rejected,
  send,
  spam,
  spark,
} from './webhook-raw.ts'

export const examples: Readonly<Record<string, readonly Example[]>> = {
  sendgrid: [
    is(delivered, grid('delivered', { ip: '168.1.1.1' }), {
      email_id: '14c5d75ce93.dfd.64b469',
      campaign_name: 'sale',
    }),
    is(opened, grid('open', { ...done, sg_machine_open: false }), {}, 'human'),
    is(opened, grid('open', { ...done, sg_machine_open: true }), {}, 'prefetch'),
    is(clicked, grid('click', { ...done, url: link }), { link_url: link }, 'human'),
    is(bounced, grid('bounce', { type: 'bounce', reason: refused }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, grid('bounce', { type: 'blocked' }), { bounce_type: 'blocked' }),
    is(bounced, grid('dropped', { reason: 'Bounced Address' }), { bounce_type: 'dropped' }),
    is(spam, grid('spamreport')),
    is(gone, grid('unsubscribe')),
    is(gone, grid('group_unsubscribe', { asm_group_id: 10 }), { list_id: '10' }),
  ],
  mailgun: [
    is(delivered, gun('delivered'), {
      email_id: '20261122.1@shop.example',
      email_subject: 'Sale',
      campaign_name: 'sale',
    }),
    is(opened, gun('opened', { ip, 'client-info': { 'user-agent': CHROME } }), {}, 'human'),
    is(
      opened,
      gun('opened', { ip, 'client-info': { 'user-agent': CHROME, bot: 'gmail' } }),
      {},
      'proxy',
    ),
    is(
      clicked,
      gun('clicked', { ip, url: link, 'client-info': { 'user-agent': CHROME, bot: 'generic' } }),
      { link_url: link },
      'scanner',
    ),
    is(bounced, gun('failed', { severity: 'permanent', 'delivery-status': { message: refused } }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, gun('failed', { severity: 'temporary' }), { bounce_type: 'soft' }),
    is(bounced, gun('failed', { severity: 'permanent', reason: 'suppress-bounce' }), {
      bounce_type: 'dropped',
    }),
    is(bounced, gun('rejected', { reject: { reason: 'virus' } }), { reason: 'virus' }),
    is(spam, gun('complained')),
    is(gone, gun('unsubscribed')),
  ],
  mandrill: [
    is(delivered, drill('delivered'), { email_subject: 'Sale', campaign_name: 'sale' }),
    is(opened, drill('open', { ip, user_agent: CHROME }), {}, 'human'),
    is(
      opened,
      drill('open', { ip, user_agent: CHROME, user_agent_parsed: { type: 'robot' } }),
      {},
      'scanner',
    ),
    is(clicked, drill('click', { ip, user_agent: CHROME, url: link }), { link_url: link }, 'human'),
    is(
      bounced,
      drill('hard_bounce', { msg: { email: ADDRESS, metadata: { user_id: 1 }, diag: refused } }),
      { bounce_type: 'hard', reason: rejected },
    ),
    is(bounced, drill('soft_bounce'), { bounce_type: 'soft' }),
    is(bounced, drill('reject'), { bounce_type: 'dropped' }),
    is(spam, drill('spam')),
    is(gone, drill('unsub')),
  ],
  mailchimp: [
    is(gone, chimp('unsubscribe', { 'data[campaign_id]': '4fjk2ma9xd' }), {
      campaign_id: '4fjk2ma9xd',
      list_id: 'a6b5da1054',
    }),
    is(bounced, chimp('cleaned', { 'data[reason]': 'hard' }), { bounce_type: 'hard' }),
    is(spam, chimp('cleaned', { 'data[reason]': 'abuse' })),
  ],
  postmark: [
    is(delivered, mark('Delivery', { DeliveredAt: iso }), { campaign_name: 'sale' }),
    is(opened, mark('Open', { ReceivedAt: iso, UserAgent: CHROME, Geo: { IP: ip } }), {}, 'human'),
    is(
      clicked,
      mark('Click', { ReceivedAt: iso, UserAgent: CHROME, Geo: { IP: ip }, OriginalLink: link }),
      { link_url: link },
      'human',
    ),
    is(bounced, mark('Bounce', { ID: 42, Type: 'HardBounce', BouncedAt: iso, Details: refused }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, mark('Bounce', { ID: 43, Type: 'SoftBounce', BouncedAt: iso }), {
      bounce_type: 'soft',
    }),
    is(bounced, mark('Bounce', { ID: 44, Type: 'Blocked', BouncedAt: iso }), {
      bounce_type: 'blocked',
    }),
    is(spam, mark('SpamComplaint', { ID: 45, Type: 'SpamComplaint', BouncedAt: iso })),
    is(
      gone,
      mark('SubscriptionChange', {
        ChangedAt: iso,
        SuppressSending: true,
        SuppressionReason: 'ManualSuppression',
      }),
    ),
  ],
  customerio: [
    is(delivered, cio('delivered'), { campaign_id: '23', email_subject: 'Sale' }),
    is(opened, cio('opened'), {}, 'human'),
    is(
      clicked,
      cio('clicked', { href: link, link_id: 1 }),
      { link_url: link, link_id: '1' },
      'human',
    ),
    is(bounced, cio('bounced', { failure_message: refused }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, cio('dropped'), { bounce_type: 'dropped' }),
    is(spam, cio('spammed')),
    is(gone, cio('unsubscribed', {}, 'customer')),
  ],
  resend: [
    is(delivered, send('email.delivered'), { email_subject: 'Sale' }),
    is(opened, send('email.opened'), {}, 'human'),
    is(
      clicked,
      send('email.clicked', {
        click: { ipAddress: ip, link, timestamp: iso, userAgent: CHROME },
      }),
      { link_url: link },
      'human',
    ),
    is(bounced, send('email.bounced', { bounce: { message: refused, type: 'Permanent' } }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, send('email.bounced', { bounce: { type: 'Transient' } }), { bounce_type: 'soft' }),
    is(bounced, send('email.bounced', { bounce: { type: 'Permanent', subType: 'Suppressed' } }), {
      bounce_type: 'dropped',
    }),
    is(bounced, send('email.failed', { failed: { reason: 'invalid' } }), { reason: 'invalid' }),
    is(spam, send('email.complained')),
  ],
  sparkpost: [
    is(delivered, spark('delivery', { ip_address: '127.0.0.1' }), { campaign_name: 'sale' }),
    is(opened, spark('open', { ip_address: ip, user_agent: CHROME }, 'track_event'), {}, 'human'),
    is(
      opened,
      spark('open', { user_agent: CHROME, user_agent_parsed: { is_prefetched: true } }),
      {},
      'prefetch',
    ),
    is(
      clicked,
      spark('click', { user_agent: CHROME, target_link_url: link, target_link_name: 'top' }),
      { link_url: link, link_id: 'top' },
      'human',
    ),
    is(bounced, spark('bounce', { bounce_class: '10', raw_reason: refused }), {
      bounce_type: 'hard',
      reason: rejected,
    }),
    is(bounced, spark('out_of_band', { bounce_class: '22' }), { bounce_type: 'soft' }),
    is(bounced, spark('bounce', { bounce_class: '51' }), { bounce_type: 'blocked' }),
    is(bounced, spark('generation_rejection', {}, 'gen_event'), { bounce_type: 'dropped' }),
    is(spam, spark('spam_complaint')),
    is(gone, spark('list_unsubscribe', {}, 'unsubscribe_event')),
  ],
  ses: [
    is(delivered, amazon('Delivery', { timestamp: iso, recipients: [ADDRESS] }), {
      campaign_name: 'sale',
      email_subject: 'Sale',
    }),
    is(opened, amazon('Open', { timestamp: iso, ipAddress: ip, userAgent: CHROME }), {}, 'human'),
    is(
      opened,
      amazon('Open', { timestamp: iso, ipAddress: ip, userAgent: 'Mozilla/5.0' }),
      {},
      'prefetch',
    ),
    is(
      clicked,
      amazon('Click', { timestamp: iso, ipAddress: ip, userAgent: CHROME, link }),
      { link_url: link },
      'human',
    ),
    is(
      bounced,
      amazon('Bounce', {
        bounceType: 'Permanent',
        timestamp: iso,
        bouncedRecipients: [{ emailAddress: ADDRESS, diagnosticCode: refused }],
      }),
      { bounce_type: 'hard', reason: rejected },
    ),
    is(bounced, amazon('Bounce', { bounceType: 'Transient', timestamp: iso }), {
      bounce_type: 'soft',
    }),
    is(bounced, amazon('Reject', { reason: 'Bad content' }), { bounce_type: 'dropped' }),
    is(
      spam,
      amazon('Complaint', {
        timestamp: iso,
        complainedRecipients: [{ emailAddress: ADDRESS }],
        userAgent: 'AnyCompany Feedback Loop',
      }),
    ),
    is(
      gone,
      amazon('Subscription', {
        timestamp: iso,
        contactList: 'news',
        newTopicPreferences: { unsubscribeAll: true },
      }),
      { list_id: 'news' },
    ),
  ],
}
