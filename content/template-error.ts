/** A template cannot be used. The message names file and line, what was found, and what to write instead. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  readonly code = 'bad_template'
  readonly file: string
  /** From 1; 0 where the fault lies in no single line. */
  readonly line: number

  constructor(file: string, line: number, fault: string, remedy: string) {
    super(`${line > 0 ? `${file}:${line}` : file}: ${fault}; ${remedy}`)
    this.file = file
    this.line = line
  }
}

/** What the steps of reading one template throw with. */
export type Fail = (line: number, fault: string, remedy: string) => never

export function failing(file: string): Fail {
  return (line, fault, remedy) => {
    throw new TemplateError(file, line, fault, remedy)
  }
}
