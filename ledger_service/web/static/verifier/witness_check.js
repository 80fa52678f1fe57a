// @ts-check
/**
 * The check `witnesses` of a receipt: how many of the pinned witnesses cosigned its head (SPEC.md, section 11, check
 * 16).
 *
 * Cosignatures stand under `unprotected`: one that does not verify is passed over, never held against the receipt.
 * Promises: each pinned witness counts once.
 */

import { parseSignature } from "./checkpoint.js";
import { cosigned } from "./cosignature.js";
import { FormatError } from "./errors.js";
import { indecisive, pass, unknown } from "./report.js";

/** @import { Checkpoint, NoteSignature } from "./checkpoint.js" */
/** @import { Json } from "./encoding.js" */
/** @import { Check } from "./report.js" */
/** @import { Trust } from "./trust.js" */

const COSIGNATURES_MAX = 100;

/** @param {Map<string, Json>} unprotected @param {Checkpoint} checkpoint @param {Trust} trust @returns {Check[]} */
export function checkWitnesses(unprotected, checkpoint, trust) {
  return countWitnesses(cosignaturesOf(unprotected), checkpoint, trust);
}

/** The same of signature lines. @param {NoteSignature[]} lines @param {Checkpoint} checkpoint @param {Trust} trust */
export function countWitnesses(lines, checkpoint, trust) {
  if (!trust.witnesses.length) return [];
  const counted = trust.witnesses.filter((one) => lines.some((line) => cosigned(one, line, checkpoint))).length;
  const required = trust.witnessesRequired;
  const detail = `${counted} of ${trust.witnesses.length} pinned witnesses cosigned this head; ${required} required`;
  if (counted >= Math.max(required, 1)) return [pass("witnesses", detail)];
  const open = unknown("witnesses", detail);
  return [required > 0 ? open : indecisive(open)];
}

/** The signature lines that a receipt holds beside what it proves. @param {Map<string, Json>} unprotected */
function cosignaturesOf(unprotected) {
  const given = unprotected.get("cosignatures");
  const found = [];
  for (const line of Array.isArray(given) ? given.slice(0, COSIGNATURES_MAX) : []) {
    try {
      found.push(parseSignature(typeof line === "string" ? line : ""));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error; // what is no signature line is passed over
    }
  }
  return found;
}
