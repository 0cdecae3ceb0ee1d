/**
 * Errors of the environment in one line, with how to fix them.
 *
 * @since 0.1.0
 */
import * as ConfigError from "effect/ConfigError"

interface Found {
  readonly missing: ReadonlyArray<string>
  readonly others: ReadonlyArray<string>
}

const nameOf = (path: ReadonlyArray<string>): string => path.join(".")

const find = ConfigError.reduceWithContext<undefined, Found>(undefined, {
  andCase: (_, one, other) => ({
    missing: [...one.missing, ...other.missing],
    others: [...one.others, ...other.others]
  }),
  orCase: (_, one) => one,
  // what is missing for a reason of its own, which says more than that it is
  missingDataCase: (_, path, message) =>
    /^(?:Expected|is not set)/.test(message)
      ? { missing: [nameOf(path)], others: [] }
      : { missing: [], others: [`${nameOf(path)} ${message}`] },
  invalidDataCase: (_, path, message) => ({ missing: [], others: [`${nameOf(path)} ${message}`] }),
  sourceUnavailableCase: (_, path, message) => ({ missing: [], others: [`${nameOf(path)}: ${message}`] }),
  unsupportedCase: (_, path, message) => ({ missing: [], others: [`${nameOf(path)}: ${message}`] })
})

/**
 * The line: the missing or invalid variables, and how to find out more. Never their values.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describe = (error: ConfigError.ConfigError): string => {
  const { missing, others } = find(error)
  const names = [...new Set(missing)]
  const absent =
    names.length === 0
      ? []
      : [
          `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} not set: take what the QQ open platform's console says` +
            `, or what "effect-qq sandbox" prints`
        ]
  return `${[...absent, ...others].join("; ")} (all checks: effect-qq doctor)`
}
