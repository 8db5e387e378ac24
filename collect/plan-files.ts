import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schemaCharsMax } from '../jobs/json-schema.ts'
import {
  BadPlan,
  makePlan,
  type Plan,
  type PlanMode,
  type PlannedSchema,
  type PlanRules,
} from './plan.ts'

/** Mode and the like, in the folder of the plan. */
const RULES_FILE = 'plan.json'
const RULES = ['mode', 'sources', 'unplanned']
const MODES = ['observe', 'enforce']

/**
 * The tracking plan in a folder: for each version of each event one file, `Product Viewed@2.json`, and `plan.json`
 * with the rules. Only files that end in `.json` are read. In a name, %2F stands for a slash, as in URLs.
 * Rejects with a `BadPlan` whose message names the file and the remedy.
 */
export async function readPlan(folder: string): Promise<Plan> {
  const files = await namesIn(folder)
  const schemas: PlannedSchema[] = []
  let rules: PlanRules = {}
  for (const file of files) {
    const content = await readJson(join(folder, file))
    if (file === RULES_FILE) rules = checkedRules(content, join(folder, file))
    else schemas.push({ ...nameAndVersion(folder, file), schema: content })
  }
  if (schemas.length === 0)
    throw new BadPlan(
      `${folder} has no schema: expected files such as "Product Viewed@1.json" in it`,
    )
  try {
    return makePlan(schemas, rules)
  } catch (error) {
    if (error instanceof BadPlan) throw new BadPlan(`${folder}: ${error.message}`, { cause: error })
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter(entry => !entry.isDirectory() && entry.name.endsWith('.json'))
      .map(({ name }) => name)
      .sort()
  } catch (error) {
    throw new BadPlan(`${folder} cannot be read as a folder: ${messageOf(error)}`, { cause: error })
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  if (text.length > schemaCharsMax)
    throw new BadPlan(`${path} has ${text.length} characters, and may have ${schemaCharsMax}`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BadPlan(`${path} is not JSON: ${messageOf(error)}`, { cause: error })
  }
}

function nameAndVersion(folder: string, file: string): { name: string; version: number } {
  const [, encoded = '', version = ''] = /^(.+)@(\d{1,9})\.json$/.exec(file) ?? []
  const name = decoded(encoded)
  if (name !== undefined && name !== '' && Number(version) >= 1 && !version.startsWith('0'))
    return { name, version: Number(version) }
  throw new BadPlan(
    `${join(folder, file)} names no event and version: expected a name such as "Product Viewed@1.json" (or ${RULES_FILE})`,
  )
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function checkedRules(content: unknown, path: string): PlanRules {
  const expected = `${path}: expected { "mode": "observe" | "enforce", "sources": { "<source>": <mode> }, "unplanned": "fine" | "fault" }, each of them optional`
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new BadPlan(`${expected}; found no object`)
  const { mode = 'observe', sources = {}, unplanned = 'fine' } = content as Record<string, unknown>
  const unknown = Object.keys(content).find(name => !RULES.includes(name))
  if (unknown !== undefined) throw new BadPlan(`${expected}; found "${unknown}"`)
  if (!isMode(mode)) throw new BadPlan(`${expected}; found another mode`)
  if (unplanned !== 'fine' && unplanned !== 'fault')
    throw new BadPlan(`${expected}; found another word for "unplanned"`)
  if (typeof sources !== 'object' || sources === null || Array.isArray(sources))
    throw new BadPlan(`${expected}; "sources" is no object`)
  const modes: Record<string, PlanMode> = Object.create(null)
  for (const [source, its] of Object.entries(sources)) {
    if (!isMode(its)) throw new BadPlan(`${expected}; source "${source}" has another mode`)
    modes[source] = its
  }
  return { mode, sources: modes, unplanned }
}

function isMode(value: unknown): value is PlanMode {
  return typeof value === 'string' && MODES.includes(value)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
