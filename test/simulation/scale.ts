/**
 * How much is simulated. 1, the default, is 200 seeds of a day and one bot-year: four and a half minutes of CPU time, shared
 * by two cores. `SIMULATION_SCALE=0.05 npx vitest run --project simulation` is enough while one works, and `pnpm simulate`
 * is more.
 */
export const scale: number = Number(process.env["SIMULATION_SCALE"] ?? "1")
