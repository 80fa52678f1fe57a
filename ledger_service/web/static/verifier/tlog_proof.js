// @ts-check
/**
 * The log part of a receipt in the form that other people's tools read: c2sp.org/tlog-proof@v1 (SPEC.md, "The public
 * log for other tools").
 *
 * Promises: one spelling of each proof. Does not: carry values, key changes or anchors, or say whether it is true
 * (`verify_tlog_proof.js`).
 */

import { fromUtf8, startsWith, toUtf8 } from "./bytes.js";
import { decodeBase64, NOTE_BYTES_MAX, parseCheckpoint } from "./checkpoint.js";
import { FormatError } from "./errors.js";
import { HASH_BYTES, SIZE_MAX } from "./merkle.js";
import { quote } from "./quoted.js";
import { PROOF_MAX } from "./receipt_state.js";

/** @import { Checkpoint, NoteSignature } from "./checkpoint.js" */

/**
 * An inclusion proof with its signed note; `extra` is the entry, null where there is none.
 * @typedef {{index: bigint, inclusion: Uint8Array[], note: Uint8Array, checkpoint: Checkpoint,
 *   signatures: NoteSignature[], extra: Uint8Array | null}} TlogProof
 */

const NAME = "c2sp.org/tlog-proof@";
const FORMAT = `${NAME}v1`;
const EXTRA_BYTES_MAX = 65_535;
const TLOG_PROOF_BYTES_MAX = 4 * 65_536;
const INDEX = /^index (0|[1-9][0-9]{0,18})$/;

/** Whether a file claims to be a tlog-proof, of any version. @param {Uint8Array} data */
export const isTlogProof = (data) => startsWith(data, toUtf8(NAME));

/** The proof of a text. @param {Uint8Array} data @returns {TlogProof} @throws {FormatError} */
export function parseTlogProof(data) {
  if (data.length > TLOG_PROOF_BYTES_MAX) {
    throw new FormatError(`a tlog-proof has at most ${TLOG_PROOF_BYTES_MAX} bytes, got ${data.length}`);
  }
  const end = data.findIndex((byte, at) => byte === 0x0a && data[at + 1] === 0x0a);
  const head = end < 0 ? data : data.subarray(0, end);
  if (head.some((byte) => byte > 0x7f)) throw new FormatError("the lines before the checkpoint are ASCII");
  const [format, ...lines] = (fromUtf8(head) ?? "").split("\n");
  if (end < 0 || format !== FORMAT) {
    throw new FormatError(`the first line ${quote(FORMAT)}, an index, and an empty line are expected`);
  }
  const extra = lines[0]?.startsWith("extra ") ? decodeBase64(lines.shift()?.slice(6) ?? "") : null;
  if (extra !== null && (extra.length < 1 || extra.length > EXTRA_BYTES_MAX)) {
    throw new FormatError(`extra data has 1 to ${EXTRA_BYTES_MAX} bytes, got ${extra.length}`);
  }
  const [place = "", ...spelled] = lines;
  const index = INDEX.exec(place);
  if (index === null || BigInt(index[1]) >= SIZE_MAX) {
    throw new FormatError("a line 'index ' and a decimal number is expected before the hashes");
  }
  if (spelled.length > PROOF_MAX) {
    throw new FormatError(`an inclusion proof has at most ${PROOF_MAX} hashes, got ${spelled.length}`);
  }
  const inclusion = spelled.map(decodeBase64);
  if (inclusion.some((hash) => hash.length !== HASH_BYTES)) {
    throw new FormatError(`a hash of the proof is ${HASH_BYTES} bytes of base64`);
  }
  const note = data.subarray(end + 2);
  return { index: BigInt(index[1]), inclusion, note, extra, ...parseCheckpoint(note.subarray(0, NOTE_BYTES_MAX + 1)) };
}
