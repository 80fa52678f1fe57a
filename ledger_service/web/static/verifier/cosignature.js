// @ts-check
/**
 * What a witness signs: cosignature/v1 of a checkpoint (c2sp.org/tlog-cosignature; SPEC.md, section 17).
 *
 * Promises: one spelling of keys and lines. Does not: look at the time that stands in a cosignature.
 */

import { toNumber, toUtf8 } from "./bytes.js";
import { claims, namedKey, ORIGIN, splitKey } from "./checkpoint.js";
import { verifies } from "./ed25519.js";
import { FormatError } from "./errors.js";
import { HASH_BYTES } from "./merkle.js";

/** @import { Checkpoint, NoteSignature, VerifierKey } from "./checkpoint.js" */

const COSIGNATURE = 0x04; // signature type byte of c2sp.org/signed-note
const TIME_BYTES = 8; // seconds since 1970, the higher byte first
const COSIGNATURE_BYTES = TIME_BYTES + 64;

/**
 * Whether a line is this witness's cosignature of a checkpoint.
 * @param {VerifierKey} witness @param {NoteSignature} line @param {Checkpoint} checkpoint
 */
export function cosigned(witness, line, checkpoint) {
  if (!claims(line, witness) || line.signature.length !== COSIGNATURE_BYTES) return false;
  const seconds = toNumber(line.signature.subarray(0, TIME_BYTES));
  const message = toUtf8(`cosignature/v1\ntime ${seconds}\n${checkpoint.text}`);
  return verifies(line.signature.subarray(TIME_BYTES), message, witness.public);
}

/** The key of a witness's verifier key text. @param {string} text @throws {FormatError} */
export function parseWitnessKey(text) {
  const { name, id, raw } = splitKey(text);
  if (!ORIGIN.pattern.test(name)) throw new FormatError("a witness is called by 1 to 255 visible ASCII characters");
  if (raw.length !== 1 + HASH_BYTES || raw[0] !== COSIGNATURE) {
    throw new FormatError("a witness's key is name+key id+base64 of 0x04 and 32 bytes");
  }
  return namedKey(name, COSIGNATURE, raw.slice(1), id);
}
