import { days } from "./days.ts"

days(0)
