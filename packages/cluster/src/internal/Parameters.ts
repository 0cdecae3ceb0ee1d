/**
 * Parameters of a statement that `sql.unsafe` sends: its type lets them be texts only, while the driver also writes numbers,
 * and an array as a PostgreSQL array.
 *
 * @since 0.1.0
 */

/**
 * What the driver can write.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameter = string | number | ReadonlyArray<string> | ReadonlyArray<number>

/**
 * The parameters, in the order of their numbers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (...parameters: ReadonlyArray<Parameter>): ReadonlyArray<string> =>
  parameters as unknown as ReadonlyArray<string>
