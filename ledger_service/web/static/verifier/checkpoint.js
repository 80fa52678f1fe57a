// @ts-check
/**
 * A checkpoint: a tree head as a signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) with Ed25519 (SPEC.md,
 * section 6).
 *
 * Promises: one spelling for each number and hash; a note with an unknown extra signature still verifies; a bad
 * signature that claims a pinned key never does. Does not: know what a tree is.
 */

import { concat, equal, fromBase64, fromUtf8, toBase64, toHex, toUtf8 } from "./bytes.js";
import { verifies } from "./ed25519.js";
import { FormatError, InvalidProofError } from "./errors.js";
import { sha256 } from "./hashes.js";
import { form } from "./members.js";
import { HASH_BYTES, SIZE_MAX } from "./merkle.js";
import { cut, quote } from "./quoted.js";

/**
 * A tree head; `text` is what is signed.
 * @typedef {{origin: string, size: bigint, root: Uint8Array, extensions: string[], text: string}} Checkpoint
 */
/** A public key with its name. @typedef {{name: string, id: Uint8Array, public: Uint8Array}} VerifierKey */
/** One signature line. @typedef {{name: string, id: Uint8Array, signature: Uint8Array}} NoteSignature */

export const NOTE_BYTES_MAX = 65_536;
export const SIGNATURES_MAX = 100;
export const ORIGIN = form("[!-*,-~]{1,255}"); // visible ASCII without space and plus: it is also the key's name
const ORIGIN_BYTES_MAX = 255;
const ED25519 = 0x01; // signature type byte of c2sp.org/signed-note
const SIZE = /^(?:0|[1-9][0-9]{0,18})$/;
const CONTROL = /[\x00-\x09\x0b-\x1f]/; // all but the line feed
const WHITE_SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/; // of Unicode

/**
 * SHA-256(name ‖ 0x0A ‖ type ‖ public)[:4] (c2sp.org/signed-note).
 * @param {string} name @param {number} type @param {Uint8Array} key
 */
export const keyId = (name, type, key) => sha256(concat(toUtf8(`${name}\n`), new Uint8Array([type]), key)).slice(0, 4);

/** The verifier key text of a key: `name+key id+base64`. @param {VerifierKey} key */
export const keyText = (key) =>
  `${key.name}+${toHex(key.id)}+${toBase64(concat(new Uint8Array([ED25519]), key.public))}`;

/** Whether a signature line names this key. @param {NoteSignature} line @param {VerifierKey} key */
export const claims = (line, key) => line.name === key.name && equal(line.id, key.id);

/** Whether two keys are one. @param {VerifierKey} one @param {VerifierKey} other */
export const sameKey = (one, other) => one.name === other.name && equal(one.public, other.public);

/**
 * Accept only a signature of this message by this key.
 * @param {VerifierKey} key @param {Uint8Array} signature @param {Uint8Array} message @throws {InvalidProofError}
 */
export function verifySignature(key, signature, message) {
  if (verifies(signature, message, key.public)) return;
  throw new InvalidProofError(`the signature does not verify under the key ${key.name}`);
}

/** The key of a verifier key text. @param {string} text @returns {VerifierKey} @throws {FormatError} */
export function parseVerifierKey(text) {
  const { name, id, raw } = splitKey(text);
  if (raw.length !== 1 + HASH_BYTES || raw[0] !== ED25519) {
    throw new FormatError("a verifier key is name+key id+base64 of 0x01 and 32 bytes");
  }
  return namedKey(requireOrigin(name), ED25519, raw.slice(1), id);
}

/** The parts of a verifier key text of any type. @param {string} text */
export function splitKey(text) {
  const [name, id = "", ...encoded] = text.split("+");
  return { name, id, raw: decodeBase64(encoded.join("+")) };
}

/**
 * The key with this name, if its id is the one that the text says.
 * @param {string} name @param {number} type @param {Uint8Array} raw @param {string} said @returns {VerifierKey}
 */
export function namedKey(name, type, raw, said) {
  const id = keyId(name, type, raw);
  if (toHex(id) === said) return { name, id, public: raw };
  throw new FormatError(`the key id of ${name} is ${toHex(id)}, the text says ${cut(said, 16)}`);
}

/**
 * The checkpoint and the signatures of a note, none of them verified.
 * @param {Uint8Array} note @throws {FormatError}
 */
export function parseCheckpoint(note) {
  if (note.length > NOTE_BYTES_MAX) {
    throw new FormatError(`a note has at most ${NOTE_BYTES_MAX} bytes, got ${note.length}`);
  }
  const decoded = fromUtf8(note);
  if (decoded === null) throw new FormatError("a note is UTF-8");
  if (CONTROL.test(decoded)) throw new FormatError("a note has no control characters but newlines");
  const at = decoded.lastIndexOf("\n\n");
  const tail = decoded.slice(at + 2);
  if (at < 0 || !tail.endsWith("\n")) throw new FormatError("a note is text, an empty line, and signature lines");
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) {
    throw new FormatError(`a note has at most ${SIGNATURES_MAX} signatures, got ${lines.length}`);
  }
  return { checkpoint: parseText(decoded.slice(0, at)), signatures: lines.map(parseSignature) };
}

/**
 * The checkpoint of a note that is signed by one of the pinned keys; signatures by others are passed over.
 * @param {Uint8Array} note @param {VerifierKey[]} keys @param {string} origin the log that is meant
 * @throws {FormatError | InvalidProofError}
 */
export function verifyCheckpoint(note, keys, origin) {
  const { checkpoint, signatures } = parseCheckpoint(note);
  if (checkpoint.origin !== origin) {
    throw new InvalidProofError(`the checkpoint is of ${quote(checkpoint.origin)}, not of ${quote(origin)}`);
  }
  let verified = 0;
  for (const line of signatures) {
    for (const key of keys.filter((one) => claims(line, one))) {
      verifySignature(key, line.signature, toUtf8(checkpoint.text));
      verified += 1;
    }
  }
  if (!verified) throw new InvalidProofError(`the checkpoint of ${quote(origin)} bears no signature by a pinned key`);
  return checkpoint;
}

/** @param {string} text without its last line feed @returns {Checkpoint} */
function parseText(text) {
  const lines = text.split("\n");
  if (lines.length < 3 || lines.includes("")) {
    throw new FormatError("a checkpoint is origin, size and root, a line each, and no empty line");
  }
  const [origin, size, hash, ...extensions] = lines;
  if (!SIZE.test(size) || BigInt(size) > SIZE_MAX) throw new FormatError(`${quote(size, 40)} is not a tree size`);
  const root = decodeBase64(hash);
  if (root.length !== HASH_BYTES) throw new FormatError(`a root hash is ${HASH_BYTES} bytes of base64`);
  return { origin: requireOrigin(origin), size: BigInt(size), root, extensions, text: `${text}\n` };
}

/**
 * The signature of a line, without its line feed.
 * @param {string} line @returns {NoteSignature} @throws {FormatError}
 */
export function parseSignature(line) {
  const [dash, name = "", ...encoded] = line.split(" ");
  const raw = decodeBase64(encoded.join(" "));
  if (dash !== "—" || !name || WHITE_SPACE.test(name) || name.includes("+") || raw.length < 5) {
    throw new FormatError("a signature line is '— name base64(key id and signature)'");
  }
  return { name, id: raw.slice(0, 4), signature: raw.slice(4) };
}

/** @param {string} origin */
function requireOrigin(origin) {
  if (ORIGIN.pattern.test(origin)) return origin;
  throw new FormatError(`an origin is 1 to ${ORIGIN_BYTES_MAX} visible ASCII characters without '+'`);
}

/** The bytes of the one base64 spelling that they have. @param {string} text @throws {FormatError} */
export function decodeBase64(text) {
  const raw = fromBase64(text);
  if (raw !== null && toBase64(raw) === text) return raw;
  throw new FormatError(`${quote(text, 40)} is not base64 in its one spelling`);
}
