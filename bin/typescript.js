// Lets Node import TypeScript where it cannot do so itself (Node 20 and early 22): types are blanked out
// by the same stripper that newer Nodes have built in. Loaded by bin/millrace.js, and by `--import` in workers.
import module from 'node:module'

if (!process.features.typescript) module.register('./typescript-hook.js', import.meta.url)
