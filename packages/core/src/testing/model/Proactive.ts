/**
 * The limits of proactive messages, by conversation and by guild.
 *
 * Source: the policy pages of the platform's documentation of 2026-09. A day is that of China.
 *
 * @since 0.1.0
 */
import type { Anchors } from "./Anchors.ts"
import * as BoundedMap from "./BoundedMap.ts"
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"
import type { ErrorCode } from "./Reply.ts"

const dayMillis = 86_400_000

/**
 * The day that this time belongs to, in China.
 *
 * @since 0.1.0
 * @category lookups
 */
export const dayOf = (now: number): number => Math.floor((now + 8 * 3_600_000) / dayMillis)

/**
 * @since 0.1.0
 * @category models
 */
export interface Proactive {
  /** The code that refuses a proactive message, if any. */
  readonly check: (now: number, scene: Scene, target: string) => ErrorCode | undefined
  /** Counts a message that {@link Proactive.check} allowed at the same time. */
  readonly spend: (now: number, scene: Scene, target: string) => void
  readonly allow: (scene: Scene, target: string, allowed: boolean) => void
}

interface Usage {
  day: number
  ofDay: number
  lately: Array<number>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, anchors: Anchors): Proactive => {
  const { settings } = platform
  const allowed = BoundedMap.make<boolean>(settings.anchorLimit)
  const spent = BoundedMap.make<Usage>(settings.anchorLimit)
  const channels = BoundedMap.make<{ readonly day: number; readonly used: Set<string> }>(settings.anchorLimit)

  const usageOf = (now: number, key: string): Usage => {
    const day = dayOf(now)
    const known = spent.get(key)
    const usage = known?.day === day ? known : { day, ofDay: 0, lately: known?.lately ?? [] }
    usage.lately = usage.lately.filter((at) => now - at < 60_000)
    spent.set(key, usage)
    return usage
  }

  /** The channels of this channel's guild with a proactive message today. */
  const channelsOf = (now: number, channel: string): Set<string> => {
    const day = dayOf(now)
    const guild = anchors.guildOf(channel) ?? `of ${channel}`
    const known = channels.get(guild)
    if (known?.day === day) return known.used
    const used = new Set<string>()
    channels.set(guild, { day, used })
    return used
  }

  const overLimit = (now: number, scene: Scene, target: string): ErrorCode | undefined => {
    const usage = usageOf(now, `${scene}:${target}`)
    const { channelsPerGuild, direct, perChannel, perUser } = settings.guildProactiveLimit
    switch (scene) {
      case "c2c":
      case "group": {
        const { code, perDay, perMinute } = settings.proactiveLimit
        return usage.lately.length >= perMinute || usage.ofDay >= perDay ? code : undefined
      }
      case "channel": {
        if (usage.ofDay >= perChannel) return 304045
        const used = channelsOf(now, target)
        return !used.has(target) && used.size >= channelsPerGuild ? 304047 : undefined
      }
      case "dm":
        if (usage.ofDay >= perUser) return 304049
        return usageOf(now, "dm").ofDay >= direct ? 304050 : undefined
    }
  }

  return {
    check: (now, scene, target) => {
      if (!(allowed.get(`${scene}:${target}`) ?? settings.proactive)) return scene === "dm" ? 304031 : 40034105
      return overLimit(now, scene, target)
    },
    spend: (now, scene, target) => {
      const usages = [`${scene}:${target}`, ...(scene === "dm" ? ["dm"] : [])].map((key) => usageOf(now, key))
      for (const usage of usages) {
        usage.lately.push(now)
        usage.ofDay += 1
      }
      if (scene === "channel") channelsOf(now, target).add(target)
    },
    allow: (scene, target, isAllowed) => allowed.set(`${scene}:${target}`, isAllowed)
  }
}
