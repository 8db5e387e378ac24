import type { Death } from './proof.ts'

/**
 * A death at every moment of a commit, a checkpoint, a restore and a takeover, each kind more than three times: 26
 * in all. A lane's first commits are those of its takeovers, so later ones are of work. Before a death in a restore
 * comes one that leaves something to restore: before a slice is written, or with the folder lost.
 */
export const deathsAtEveryMoment: readonly Death[] = [
  { at: 'commit-sent:5' },
  { at: 'checkpoint:1' },
  { at: 'restore:1' },
  { at: 'commit-offsets:5', loses: 'folder' },
  { at: 'restore-done:1', loses: 'folder' },
  { at: 'restore-reading:1' },
  { at: 'restore-reading:1' },
  { at: 'restore:1' },
  { at: 'restore-done:1' },
  { at: 'commit-ending:5' },
  { at: 'checkpoint-done:1' },
  { at: 'fence:1' },
  { at: 'commit-ended:5' },
  { at: 'commit-sent:1', loses: 'folder' },
  { at: 'restore:2', loses: 'folder' },
  { at: 'restore-done:1' },
  { at: 'commit-ended:6' },
  { at: 'fence:2' },
  { at: 'commit-ending:6' },
  { at: 'checkpoint:2' },
  { at: 'restore:1' },
  { at: 'checkpoint-done:2' },
  { at: 'commit-offsets:6' },
  { at: 'commit-sent:6' },
  { at: 'checkpoint-done:3' },
  { at: 'commit-ended:7' },
]

/** One in a checkpoint, in a commit and in a restore, for which the folder is lost before: for a run that has to be short. */
export const deathOfEachKind: readonly Death[] = [
  { at: 'checkpoint:1' },
  { at: 'commit-ending:5', loses: 'folder' },
  { at: 'restore-done:1' },
]
