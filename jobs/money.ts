/** Without what adding up in doubles leaves behind: 0.1 + 0.2 is 0.3. To a millionth. */
export function money(amount: number): number {
  const rounded = Math.round(amount * 1e6) / 1e6
  return rounded === 0 ? 0 : rounded // and not −0
}
