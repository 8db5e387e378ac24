import type { Ruleset } from './ruleset.ts'

/**
 * The rules of November 2026. They are never changed: what was judged by them says so. Better ones get a file and an
 * id of their own. isbot is 5.2.3 (a test holds that down, since another version is another list of robots).
 *
 * Apple's relays show addresses of Akamai, Cloudflare and Fastly, 280,000 networks that change daily
 * (https://mask-api.icloud.com/egress-ip-ranges.csv) and that people browse from as well: they decide nothing here.
 */
export const rules202611: Ruleset = {
  id: '2026-11',
  rules: [
    {
      verdict: 'scanner',
      reason: 'honeypot',
      source: 'a link that no human sees was followed',
      when: { honeypot: true },
    },
    {
      verdict: 'scanner',
      reason: 'method',
      source: 'mail programs and browsers open pages and images with GET',
      when: { methods: ['HEAD', 'OPTIONS', 'PROPFIND', 'PUT', 'DELETE'] },
    },
    {
      verdict: 'scanner',
      reason: 'many_links',
      source: 'nobody reads three pages in ten seconds; a gateway follows every link of a mail',
      when: { kind: 'click', linksAtLeast: 3 },
    },
    {
      verdict: 'prefetch',
      reason: 'provider_prefetch',
      source:
        'sg_machine_open (twilio.com/docs/sendgrid/for-developers/tracking-events/understanding-apple-mail-privacy-protection-and-open-events), ' +
        'client-info.bot = apple (documentation.mailgun.com/docs/mailgun/user-manual/tracking-messages/open-click-bot-detect), ' +
        'is_prefetched (developers.sparkpost.com/api/webhooks)',
      when: {
        flags: ['sendgrid:machine_open', 'mailgun:apple', 'sparkpost:prefetched'],
      },
    },
    {
      verdict: 'proxy',
      reason: 'provider_proxy',
      source:
        'client-info.bot = gmail (as above), is_proxy (developers.sparkpost.com/api/webhooks)',
      when: { flags: ['mailgun:gmail', 'sparkpost:proxy'] },
    },
    {
      verdict: 'scanner',
      reason: 'provider_bot',
      source: 'client-info.bot = generic (as above); Mandrill: user_agent_parsed.type = robot',
      when: { flags: ['mailgun:generic', 'mandrill:robot'] },
    },
    {
      verdict: 'prefetch',
      reason: 'apple_prefetch',
      source:
        'Mail Privacy Protection asks with this user agent and nothing more (mailgun.com/blog/product/bot-detection)',
      when: { kind: 'open', userAgent: '^Mozilla/5\\.0$' },
    },
    {
      verdict: 'prefetch',
      reason: 'apple_network',
      source: 'AS714: 17.0.0.0/8 is Apple’s (support.apple.com/en-us/101555)',
      when: { kind: 'open', networks: ['17.0.0.0/8'] },
    },
    {
      verdict: 'prefetch',
      reason: 'gmail_prefetch',
      source:
        'Gmail fetches for a mailbox that is open in a browser, with this user agent (bird.com/blog/gmail-prefetching-images)',
      when: {
        kind: 'open',
        userAgent: 'Chrome/42\\.0\\.2311\\.135 Safari/537\\.36 Edge/12\\.246 Mozilla/5\\.0$',
      },
    },
    {
      verdict: 'proxy',
      reason: 'image_proxy',
      source:
        'GoogleImageProxy (mailgun.com/blog/product/bot-detection), YahooMailProxy (help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html)',
      when: { kind: 'open', userAgent: 'GoogleImageProxy|ggpht\\.com|YahooMailProxy' },
    },
    {
      verdict: 'proxy',
      reason: 'google_network',
      source:
        'what Gmail fetches comes from Google’s own networks (support.google.com/a/answer/60764)',
      when: {
        kind: 'open',
        networks: [
          '64.233.160.0/19',
          '66.102.0.0/20',
          '66.249.80.0/20',
          '72.14.192.0/18',
          '74.125.0.0/16',
        ],
      },
    },
    {
      verdict: 'scanner',
      reason: 'microsoft_network',
      source:
        'Exchange Online Protection (learn.microsoft.com/en-us/microsoft-365/enterprise/urls-and-ip-address-ranges, ids 9 and 10)',
      when: {
        networks: ['40.92.0.0/15', '40.107.0.0/16', '52.100.0.0/14', '104.47.0.0/17'],
      },
    },
    {
      verdict: 'scanner',
      reason: 'security_product',
      source: 'user agents in which the makers of mail gateways name themselves',
      when: {
        userAgent:
          'Barracuda|Proofpoint|Mimecast|FireEye|Trellix|Cloudmark|IronPort|Symantec|MessageLabs|Sophos|Zscaler|Forcepoint|Vade Secure|Bitdefender|Trend ?Micro|SafeLinks',
      },
    },
    {
      verdict: 'scanner',
      reason: 'no_user_agent',
      source: 'every mail program and browser names itself',
      when: { noUserAgent: true },
    },
    {
      verdict: 'scanner',
      reason: 'at_once',
      source: 'within two seconds of its delivery a mail is scanned, not read',
      when: { sinceDeliveryMsAtMost: 2_000 },
    },
    {
      verdict: 'scanner',
      reason: 'robot',
      source: 'npm isbot 5.2.3, but for the mail programs that it takes for robots',
      when: {
        bot: true,
        userAgentNot: 'Outlook|ms-office|Thunderbird|Airmail|Superhuman|Spark/|YahooMobile',
      },
    },
  ],
}
