/** Nothing yet. */
export function writeTargets(): void {
  return
}
