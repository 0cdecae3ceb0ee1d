/**
 * How much is simulated. 1 is 200 seeds of a day and one bot-year; the default is what a test run of a few minutes can
 * afford on a busy machine. `SIMULATION_SCALE=1 npx vitest run --project simulation` does it all, and `pnpm simulate` more.
 */
export const scale: number = Number(process.env["SIMULATION_SCALE"] ?? "0.05")
