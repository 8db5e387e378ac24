/** Fields of the memory that a lane shares with its watchdog: what it has in hand, and that it lives. */
export const handField = { partition: 0, offset: 1, beats: 2 } as const
export const handBytes = 3 * 8
