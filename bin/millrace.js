#!/usr/bin/env node
// Runs Millrace from its TypeScript source in a checkout, and from dist/ where the package was installed.
import { existsSync } from 'node:fs'

await import('./typescript.js')
const source = new URL('../cli/main.ts', import.meta.url)
const built = new URL('../dist/cli/main.js', import.meta.url)
const { main } = await import(existsSync(source) ? source.href : built.href)
await main(process.argv)
