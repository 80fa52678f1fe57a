// @ts-check
/**
 * What a verification says: named checks, each with an outcome and a reason, and one verdict.
 *
 * Promises: `unknown` never turns into `fail`, and neither into `pass`.
 */

/** @typedef {"pass" | "fail" | "unknown"} Outcome */
/** @typedef {"valid" | "invalid" | "inconclusive"} Verdict */
/**
 * One thing that was looked at. `decisive` false: unknown here does not hold the verdict back.
 * @typedef {{name: string, outcome: Outcome, detail: string, decisive: boolean}} Check
 */

/** @param {string} name @param {string} detail @returns {Check} */
export const pass = (name, detail) => ({ name, outcome: "pass", detail, decisive: true });

/** @param {string} name @param {string} detail @returns {Check} */
export const fail = (name, detail) => ({ name, outcome: "fail", detail, decisive: true });

/** @param {string} name @param {string} detail @returns {Check} */
export const unknown = (name, detail) => ({ name, outcome: "unknown", detail, decisive: true });

/** The same check, which does not hold the verdict back. @param {Check} check @returns {Check} */
export const indecisive = (check) => ({ ...check, decisive: false });

/** Invalid if any check failed, else inconclusive if a decisive one is unknown, else valid. @param {Check[]} checks */
export function verdictOf(checks) {
  if (checks.some((check) => check.outcome === "fail")) return /** @type {Verdict} */ ("invalid");
  const open = !checks.length || checks.some((check) => check.decisive && check.outcome === "unknown");
  return /** @type {Verdict} */ (open ? "inconclusive" : "valid");
}
