import { checkFile, checkOptions, checkWhole, type FileSource, failOf } from './table.ts'

/** Where an address of the internet is, as far as the database knows. Nothing of the address is in it. */
export type Place = {
  /** 'EU', 'NA', … */
  readonly continent?: string
  /** ISO 3166-1: 'DE'. */
  readonly country?: string
  /** ISO 3166-2 without the country: 'BE'. */
  readonly region?: string
  /** In English. */
  readonly city?: string
  /** Of the IANA database: 'Europe/Berlin'. */
  readonly timeZone?: string
}

export interface GeoSource extends FileSource<Place> {
  readonly kind: 'geo'
}

const mebibyte = 1024 * 1024

/**
 * A table of places by IP address: a MaxMind DB (`.mmdb`, https://maxmind.github.io/MaxMind-DB/) with countries or
 * cities, which the job's owner supplies. `get(ip)` answers a `Place`, or `undefined` for what is no address or
 * is not in it.
 *
 *     defineJob({ tables: { places: geo('GeoLite2-City.mmdb') }, … })
 *
 * @param options.bytesMax the most bytes of the file; 256 MiB when left out. All lanes share one copy.
 * @throws JobError with code `bad_definition`
 */
export function geo(file: string, options: { readonly bytesMax?: number } = {}): GeoSource {
  const fail = failOf('geo', file)
  checkFile(file, /\.mmdb$/i, 'GeoLite2-City.mmdb', fail)
  checkOptions(options, ['bytesMax'], "geo('GeoLite2-City.mmdb')", fail)
  const { bytesMax = 256 * mebibyte } = options
  checkWhole('bytesMax', bytesMax, 1024 * mebibyte, fail)
  return { kind: 'geo', file, bytesMax }
}
