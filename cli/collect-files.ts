import { readFile } from 'node:fs/promises'
import type { Plan } from '../collect/plan.ts'
import { readPlan } from '../collect/plan-files.ts'
import { BadRuleset, type Ruleset } from '../collect/ruleset.ts'
import { rulesetOf } from '../collect/rulesets.ts'
import { readWebhooks, type WebhookEntry } from '../collect/webhook-file.ts'

export interface CollectFileFlags {
  readonly webhooks?: string
  readonly verdictRules?: string
  readonly plan?: string
}

export interface CollectFiles {
  readonly webhookEntries?: readonly WebhookEntry[]
  readonly ruleset?: Ruleset
  readonly plan?: Plan
}

/** What the files say that flags name. Rejects with an error that names the file and the place in it. */
export async function collectFiles({
  webhooks,
  verdictRules,
  plan: planFolder,
}: CollectFileFlags): Promise<CollectFiles> {
  const entries = webhooks === undefined ? undefined : await readWebhooks(webhooks, process.env)
  const ruleset = verdictRules === undefined ? undefined : await readRuleset(verdictRules)
  const plan = planFolder === undefined ? undefined : await readPlan(planFolder)
  return {
    ...(plan !== undefined && { plan }),
    ...(entries !== undefined && { webhookEntries: entries }),
    ...(ruleset !== undefined && { ruleset }),
  }
}

/** Rejects with a `BadRuleset`. */
export async function readRuleset(path: string): Promise<Ruleset> {
  const text = await readFile(path, 'utf8')
  try {
    return rulesetOf(JSON.parse(text))
  } catch (error) {
    if (error instanceof BadRuleset || error instanceof SyntaxError)
      throw new BadRuleset(`${path}: ${error.message}`, { cause: error })
    throw error
  }
}
