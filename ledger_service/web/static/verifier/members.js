// @ts-check
/**
 * Checked reading of parsed JSON: exact member names, exact forms, one reason a member.
 *
 * Promises: whatever is read through a `Reader` has the one form that its writer gives it; everything else throws a
 * FormatError with the path of the member. Does not: parse bytes (`encoding.js`) or know any format.
 */

import { fromHex, toUtf8 } from "./bytes.js";
import { INTEGER_MAX } from "./encoding.js";
import { FormatError } from "./errors.js";
import { cut, nameOfType, quote, quoteValue } from "./quoted.js";

/** @import { Json } from "./encoding.js" */

/**
 * The form of a text: all of it matches `pattern`, which stands in reasons as `source`.
 * @typedef {{source: string, pattern: RegExp}} Form
 */

/** @param {string} source @returns {Form} */
export const form = (source) => ({ source, pattern: new RegExp(`^(?:${source})$`, "su") });

const TIME = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$/;

/** Reads one kind of object; `what` names it in reasons. */
export class Reader {
  /** @param {string} what */
  constructor(what) {
    this.what = what;
  }

  /** @param {string} reason */
  fail(reason) {
    return new FormatError(`${this.what}: ${reason}`);
  }

  /** A reader for a member. @param {string} name */
  at(name) {
    return new Reader(`${this.what}.${name}`);
  }

  /**
   * What `work` returns; what it refuses is told under this reader's name.
   * @template T @param {() => T} work @returns {T}
   */
  within(work) {
    try {
      return work();
    } catch (error) {
      if (error instanceof FormatError) throw this.fail(error.message);
      throw error;
    }
  }

  /** The object that a document of this format is. @param {() => Json} parse @param {string} format */
  document(parse, format) {
    const value = this.within(parse);
    if (value instanceof Map && value.get("format") === format) return value;
    throw this.fail(`the format ${quote(format)} is expected`);
  }

  /**
   * The object, if it has exactly the members `names`, and none but `optional` beside them.
   * @param {Json | undefined} value @param {readonly string[]} names @param {readonly string[]} [optional]
   * @returns {Map<string, Json>}
   */
  members(value, names, optional = []) {
    const object = this.object(value);
    for (const name of names) if (!object.has(name)) throw this.fail(`the member ${quote(name)} is missing`);
    const unknown = Array.from(object.keys()).filter((name) => !names.includes(name) && !optional.includes(name));
    if (unknown.length) throw this.fail(`the member ${quote(unknown.sort(byCodePoint)[0], 40)} is unknown`);
    return object;
  }

  /** @param {Json | undefined} value */
  object(value) {
    if (!(value instanceof Map)) throw this.fail("an object is expected");
    return value;
  }

  /**
   * What `read` makes of each item of an array of at most `most`.
   * @template T @param {Json | undefined} value @param {number} most @param {(item: Json) => T} read @returns {T[]}
   */
  items(value, most, read) {
    if (!Array.isArray(value)) throw this.fail("an array is expected");
    if (value.length > most) throw this.fail(`at most ${most} items, found ${value.length}`);
    return value.map((item) => read(item));
  }

  /** The UTF-8 bytes of a text, at most so many. @param {Json | undefined} value @param {number} bytesMax */
  utf8(value, bytesMax) {
    const data = typeof value === "string" ? toUtf8(value) : null;
    if (data === null || data.length > bytesMax) throw this.fail(`text of at most ${bytesMax} bytes is expected`);
    return data;
  }

  /** The text, if all of it matches. @param {Json | undefined} value @param {Form} wanted */
  text(value, wanted) {
    if (typeof value === "string" && wanted.pattern.test(value)) return value;
    const shown = typeof value === "string" ? quote(value, 40) : nameOfType(value);
    throw this.fail(`${shown} has not the form ${wanted.source}`);
  }

  /**
   * The text, if it is one of these.
   * @template {string} T @param {Json | undefined} value @param {readonly T[]} choices
   */
  choice(value, choices) {
    const found = choices.find((one) => one === value);
    if (found === undefined) throw this.fail(`${cut(quoteValue(value), 60)} is unknown`);
    return found;
  }

  /**
   * The integer, if it is in the range, ends included.
   * @param {Json | undefined} value @param {{least?: number, most?: number}} [range]
   */
  integer(value, { least = 0, most = INTEGER_MAX } = {}) {
    if (typeof value === "number" && least <= value && value <= most) return value;
    throw this.fail(`an integer from ${least} to ${most} is expected`);
  }

  /**
   * The same as a bigint: what trees and chains count.
   * @param {Json | undefined} value @param {{least?: number, most?: number}} [range]
   */
  count(value, range) {
    return BigInt(this.integer(value, range));
  }

  /**
   * So many bytes of lower-case hex with exactly this prefix.
   * @param {Json | undefined} value @param {number} length @param {string} [prefix]
   */
  hexadecimal(value, length, prefix = "") {
    if (typeof value === "string" && value.startsWith(prefix) && value.length === prefix.length + 2 * length) {
      const bytes = fromHex(value.slice(prefix.length));
      if (bytes !== null) return bytes;
    }
    throw this.fail(`${length} bytes of lower-case hex are expected${prefix ? ` after ${prefix}` : ""}`);
  }

  /** An RFC 3339 time in UTC with milliseconds that exists. @param {Json | undefined} value */
  instant(value) {
    const found = typeof value === "string" ? TIME.exec(value) : null;
    if (found && exists(Number(found[1]), Number(found[2]), Number(found[3]))) return found[0];
    throw this.fail("a time is RFC 3339 in UTC with milliseconds: 2026-11-03T10:22:05.000Z");
  }

  /**
   * Null for null, else what `read` makes of the value.
   * @template T @param {Json | undefined} value @param {(value: Json) => T} read
   */
  nullable(value, read) {
    return value === null || value === undefined ? null : read(value);
  }
}

/**
 * Whether the calendar has this day, in the years 1 to 9999.
 * @param {number} year @param {number} month @param {number} day
 */
function exists(year, month, day) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return year >= 1 && day >= 1 && day <= days;
}

/**
 * The order in which Python sorts texts, where JavaScript takes UTF-16 code units.
 * @param {string} one @param {string} other
 */
export function byCodePoint(one, other) {
  const [a, b] = [Array.from(one), Array.from(other)];
  const at = a.findIndex((character, place) => character !== b[place]);
  if (at < 0) return a.length - b.length;
  return at < b.length ? (a[at].codePointAt(0) ?? 0) - (b[at].codePointAt(0) ?? 0) : 1;
}
