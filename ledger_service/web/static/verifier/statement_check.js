// @ts-check
/**
 * The check of a wallet's signature in a receipt, where the entry says that its step was signed.
 *
 * Promises: a copy that withholds something stays as good as it was: the signature is then not checked and nothing is
 * said of it. Does not: know whose wallet it is; the report names the address, and the reader compares it.
 */

import { toHex } from "./bytes.js";
import { isCaseEntry } from "./entry.js";
import { LedgerError, WithheldError } from "./errors.js";
import { fail, pass } from "./report.js";
import { verifySignedEntry } from "./signing.js";

/** @import { Record } from "./disclosure.js" */
/** @import { Entry } from "./entry.js" */
/** @import { Check } from "./report.js" */
/** @import { Trust } from "./trust.js" */

/** @param {Entry} entry @param {Record[]} records @param {Trust | null} trust @returns {Check[]} */
export function checkStatement(entry, records, trust) {
  if (trust === null || !isCaseEntry(entry) || entry.authenticity !== "signed") return [];
  const domains = trust.targets.map(({ chainId, contract }) => ({ origin: trust.origin, chainId, contract }));
  try {
    const signer = verifySignedEntry(entry, records, domains);
    return [pass("statement", `the step was signed by the wallet 0x${toHex(signer)}`)];
  } catch (error) {
    if (error instanceof WithheldError) return [];
    if (error instanceof LedgerError) return [fail("statement", error.message)];
    throw error;
  }
}
