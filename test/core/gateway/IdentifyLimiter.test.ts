import * as IdentifyLimiter from "../../../packages/core/src/gateway/IdentifyLimiter.ts"
import { identifyLimiterConformance } from "./identifyLimiterConformance.ts"

identifyLimiterConformance("IdentifyLimiter.layer", IdentifyLimiter.layer)
