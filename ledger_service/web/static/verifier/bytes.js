// @ts-check
/**
 * Bytes and their spellings: hex, base64, UTF-8, big-endian numbers; and how they are compared.
 *
 * Promises: each value has one spelling, and what is spelled another way is `null`. Does not: hash.
 */

const HEX = /^(?:[0-9a-f]{2})*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text;
}

/** Bytes of lower-case hex, or null. @param {string} text @returns {Uint8Array | null} */
export function fromHex(text) {
  if (!HEX.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    const digits = [18, 12, 6, 0].map((shift) => DIGITS[(group >> shift) & 63]).join("");
    const given = Math.min(bytes.length - at, 3);
    text += digits.slice(0, given + 1) + "=".repeat(3 - given);
  }
  return text;
}

/**
 * Bytes of base64 with its padding, or null; bits that stand for nothing may be set, so whoever wants the one spelling
 * compares with `toBase64`. @param {string} text @returns {Uint8Array | null}
 */
export function fromBase64(text) {
  if (!BASE64.test(text)) return null;
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    held = ((held << 6) | DIGITS.indexOf(digit)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (held >> bits) & 0xff;
      at += 1;
    }
  }
  return bytes;
}

/** @param {string} text */
export const toUtf8 = (text) => ENCODER.encode(text);

/** Text of UTF-8 bytes, or null; a byte order mark is a character like any other. @param {Uint8Array} bytes */
export function fromUtf8(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

/** Where the first sequence stands that is not UTF-8 (RFC 3629), of bytes that are not. @param {Uint8Array} bytes */
export function faultInUtf8(bytes) {
  let good = 0; // so many bytes begin a text
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const tried = (good + bad) >> 1;
    if (beginsText(bytes.subarray(0, tried))) good = tried;
    else bad = tried;
  }
  for (let back = 1; back <= Math.min(good, 3); back += 1) {
    const byte = bytes[good - back];
    if (byte >= 0xc0) return back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? good - back : good;
  }
  return good;
}

/** @param {Uint8Array} bytes */
function beginsText(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** @param {Uint8Array[]} parts */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Negative, zero or positive, as bytes are ordered. @param {Uint8Array} one @param {Uint8Array} other */
export function compare(one, other) {
  const shared = Math.min(one.length, other.length);
  for (let at = 0; at < shared; at += 1) if (one[at] !== other[at]) return one[at] - other[at];
  return one.length - other.length;
}

/** @param {Uint8Array | null} one @param {Uint8Array | null} other */
export function equal(one, other) {
  return one === null || other === null ? one === other : compare(one, other) === 0;
}

/** @param {Uint8Array} bytes @param {Uint8Array} start */
export const startsWith = (bytes, start) => equal(bytes.subarray(0, start.length), start);

/** The number that bytes are, the higher byte first. @param {Uint8Array} bytes */
export const toNumber = (bytes) => (bytes.length ? BigInt(`0x${toHex(bytes)}`) : 0n);

/** A number in so many bytes, the higher byte first. @param {bigint} value @param {number} length */
export function fromNumber(value, length) {
  const bytes = fromHex(value.toString(16).padStart(2 * length, "0"));
  if (value < 0n || bytes === null || bytes.length !== length) throw new RangeError(`${value} in ${length} bytes`);
  return bytes;
}
