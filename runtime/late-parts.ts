import { absent, type Found, fields } from './found.ts'
import { type EventParts, noFields } from './raw-event.ts'

/** Reads a part of an event from its bytes. It has been checked that it can be read. */
export interface PartReader {
  part(bytes: Buffer, start: number, end: number, marks: number): Readonly<Record<string, unknown>>
}

/** An event's objects, each of them read when it is first asked for. */
export class LateParts implements EventParts {
  // `private`, since a dozen `#` names take as long to set as all of the event's.
  private readonly bytes: Buffer
  private readonly reader: PartReader
  private readonly marks: number
  private readonly propertiesStart: number
  private readonly propertiesEnd: number
  private readonly traitsStart: number
  private readonly traitsEnd: number
  private readonly contextStart: number
  private readonly contextEnd: number
  private readProperties: EventParts['properties'] | undefined
  private readTraits: EventParts['traits'] | undefined
  private readContext: EventParts['context'] | undefined

  constructor(bytes: Buffer, found: Found, reader: PartReader) {
    const { properties, traits, context } = fields
    this.bytes = bytes
    this.reader = reader
    this.marks = found.marks(properties) | found.marks(traits) | found.marks(context)
    this.propertiesStart = found.start(properties)
    this.propertiesEnd = found.end(properties)
    this.traitsStart = found.start(traits)
    this.traitsEnd = found.end(traits)
    this.contextStart = found.start(context)
    this.contextEnd = found.end(context)
  }

  get properties(): EventParts['properties'] {
    this.readProperties ??= this.read(this.propertiesStart, this.propertiesEnd)
    return this.readProperties
  }

  get traits(): EventParts['traits'] {
    this.readTraits ??= this.read(this.traitsStart, this.traitsEnd)
    return this.readTraits
  }

  get context(): EventParts['context'] {
    this.readContext ??= this.read(this.contextStart, this.contextEnd)
    return this.readContext
  }

  private read(start: number, end: number): Readonly<Record<string, unknown>> {
    return start === absent ? noFields : this.reader.part(this.bytes, start, end, this.marks)
  }
}
