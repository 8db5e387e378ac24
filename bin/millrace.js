#!/usr/bin/env node
// Runs Millrace from its TypeScript source in a checkout, and from dist/ where the package was installed.
import { existsSync } from 'node:fs'

const source = new URL('../cli/main.ts', import.meta.url)
const built = new URL('../dist/cli/main.js', import.meta.url)
const fromSource = existsSync(source)
if (fromSource) await import('./typescript.js') // from dist/, only a job may need it: runtime/job-module.ts
const { main } = await import(fromSource ? source.href : built.href)
await main(process.argv)
