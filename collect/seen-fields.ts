/** What of the own fields of an event that is being packed decides what becomes of it. */
export class Seen {
  /** Fields that are packed. */
  written = 0
  hasType = false
  isTrack = false
  hasEvent = false
  hasId = false
  hasContext = false
  userId: string | undefined = undefined
  anonymousId: string | undefined = undefined
  sentAt: string | undefined = undefined
  /** Whether the time is the one that is named so. */
  hasTimestamp = false
  /** Where it stands; 0 where there is none. */
  timeStart = 0
  timeEnd = 0
}
