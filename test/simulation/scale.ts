/**
 * How much is simulated. 1, the default, is a day of each of 60 seeds, of 24 with ten times as many faults and of 12 with
 * twenty times as many, and two weeks of one bot. `SIMULATION_SCALE=0.05 npx vitest run --project simulation` is enough
 * while one works. `npm run simulate:night` is a year of one bot, 1000 seeds at ten times the faults and 300 at twenty
 * times.
 */
export const scale: number = Number(process.env["SIMULATION_SCALE"] ?? "1")
