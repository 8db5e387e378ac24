import { isObject } from './fault.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * One of PostHog's events (https://posthog.com/docs/api/capture) in Segment's shape. Properties stay as they are, those
 * that PostHog names with a `$` among them, so that nothing is lost; what means one of Segment's calls becomes that:
 *
 *     $identify, $set       identify   userId, anonymousId of $anon_distinct_id, traits of $set_once and $set
 *     $create_alias         alias      userId, previousId
 *     $groupidentify        group      groupId, traits of $group_set
 *     $pageview, $screen    page, screen
 *     any other             track
 *
 * What is no event stays what it is: the intake says why it cannot be taken.
 *
 * @param sdk the library, such as `posthog-node/5.70.0`, where the events do not name it
 */
export function fromPosthog(
  raw: unknown,
  receivedAt: number,
  sdk?: string | readonly string[],
): unknown {
  if (!isObject(raw)) return raw
  const properties = objectOf(raw.properties)
  const { event, uuid, timestamp, offset } = raw
  const context = contextOf(raw, properties, sdk)
  return given({
    messageId: uuid,
    timestamp: timestamp ?? (typeof offset === 'number' ? receivedAt - offset : undefined),
    ...idsOf(raw, properties),
    ...callOf(event, raw, properties),
    ...(Object.keys(context).length > 0 && { context }),
  })
}

/** A person whom nobody has named yet is an anonymous one; PostHog says so in three ways. */
function idsOf(raw: Fields, properties: Fields): Fields {
  const id = raw.distinct_id ?? raw.distinctId ?? properties.distinct_id
  const options = objectOf(raw.options)
  const isNobody =
    properties.$process_person_profile === false ||
    options.process_person_profile === false ||
    properties.$is_identified === false ||
    (id !== undefined && id === properties.$device_id)
  if (isNobody) return { anonymousId: id }
  const before = properties.$anon_distinct_id
  return { userId: id, ...(before !== undefined && { anonymousId: before }) }
}

function callOf(event: unknown, raw: Fields, properties: Fields): Fields {
  switch (event) {
    case '$identify':
    case '$set':
      return { type: 'identify', traits: traitsOf(raw, properties) }
    case '$create_alias':
      return { type: 'alias', userId: properties.distinct_id, previousId: properties.alias }
    case '$groupidentify':
      return groupOf(raw, properties)
    case '$pageview':
      return { type: 'page', name: properties.title, properties: pageOf(properties) }
    case '$screen':
      return { type: 'screen', name: properties.$screen_name, properties }
    default:
      return { type: 'track', event, properties }
  }
}

/** A trait that is taken away is null. */
function traitsOf(raw: Fields, properties: Fields): Fields {
  const removed = Array.isArray(properties.$unset) ? properties.$unset : []
  return {
    ...objectOf(raw.$set_once ?? properties.$set_once),
    ...objectOf(raw.$set ?? properties.$set),
    ...Object.fromEntries(removed.map(name => [String(name), null])),
  }
}

/** A group that is described for its own sake comes from nobody: PostHog makes up `$company_acme`. */
function groupOf(raw: Fields, properties: Fields): Fields {
  const { $group_type: kind, $group_key: groupId, $group_set: traits } = properties
  const id = raw.distinct_id
  return {
    type: 'group',
    groupId,
    traits: given({ ...objectOf(traits), group_type: kind }),
    ...(id === `$${String(kind)}_${String(groupId)}` && { userId: undefined, anonymousId: id }),
  }
}

/** With the names that Segment has for what a page is. */
function pageOf(properties: Fields): Fields {
  const { $current_url: url, $pathname: path, $referrer: referrer } = properties
  return { ...properties, ...given({ url, path, referrer }) }
}

function contextOf(
  raw: Fields,
  properties: Fields,
  sdk: string | readonly string[] | undefined,
): Fields {
  const [name, version] = typeof sdk === 'string' ? sdk.split('/') : []
  const {
    $lib = name,
    $lib_version = version,
    $ip,
    $raw_user_agent,
    $session_id = raw.session_id,
  } = properties
  const consent = objectOf(properties.consent)
  return {
    ...(typeof $lib === 'string' && { library: given({ name: $lib, version: $lib_version }) }),
    ...(typeof $ip === 'string' && { ip: $ip }),
    ...(typeof $raw_user_agent === 'string' && { userAgent: $raw_user_agent }),
    ...(typeof $session_id === 'string' && { sessionId: $session_id }),
    ...(isObject(consent.categoryPreferences) && { consent }),
  }
}

function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function objectOf(value: unknown): Fields {
  return isObject(value) ? value : {}
}
