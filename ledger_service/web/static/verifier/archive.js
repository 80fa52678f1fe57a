// @ts-check
/**
 * The archive of a package: a ZIP file of which exactly one spelling exists for given members (SPEC.md, section 14.1).
 *
 * A reader does not interpret headers: it writes what should stand there and compares. Promises: whatever differs is
 * refused before any content is looked at. Nothing expands: an archive is as large as its content.
 */

import { concat, equal, fromUtf8, toUtf8 } from "./bytes.js";
import { FormatError } from "./errors.js";
import { byCodePoint, form } from "./members.js";
import { quote } from "./quoted.js";

/** A file of an archive. @typedef {{name: string, size: number, crc: number}} Member */
/**
 * A member, and where its header and its content begin.
 * @typedef {Member & {headerAt: number, contentAt: number}} Placed
 */

export const MEMBERS_MAX = 10_000;
const ARCHIVE_BYTES_MAX = 2 ** 32 - 1; // what a ZIP file without zip64 can hold
const NAME_BYTES_MAX = 128;
const [LOCAL_BYTES, CENTRAL_BYTES, END_BYTES] = [30, 46, 22];
const VERSION = 20;
const MADE_BY = (3 << 8) | VERSION; // Unix, so that the mode below counts
const FLAGS = 1 << 11; // names are UTF-8
const [TIME, DATE] = [0, (1 << 5) | 1]; // 1980-01-01 00:00
const MODE = 0o100644 * 2 ** 16; // a plain file
const PART = "[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?";
const NAME = form(`${PART}(?:/${PART})?`);

/** The members of an archive; their content is not looked at. @param {Uint8Array} data @throws {FormatError} */
export function readDirectory(data) {
  if (data.length < END_BYTES || data.length > ARCHIVE_BYTES_MAX) {
    throw new FormatError(`an archive has ${END_BYTES} to ${ARCHIVE_BYTES_MAX} bytes, this has ${data.length}`);
  }
  const endAt = data.length - END_BYTES;
  const end = new DataView(data.buffer, data.byteOffset + endAt, END_BYTES);
  const [count, length, at] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  if (end.getUint32(0, true) !== 0x06054b50 || at + length !== endAt || count > MEMBERS_MAX) {
    throw new FormatError("the file does not end with the end record of a package's archive");
  }
  if (length > count * (CENTRAL_BYTES + NAME_BYTES_MAX)) {
    throw new FormatError("the directory is larger than its members make it");
  }
  const placed = place(readMembers(data.subarray(at, endAt), count));
  if (!equal(data.subarray(at), directory(placed))) {
    throw new FormatError("the directory is not spelled as that of a package");
  }
  for (const one of placed) {
    if (!equal(data.subarray(one.headerAt, one.contentAt), header(one))) {
      throw new FormatError(`the header of ${one.name} contradicts the directory`);
    }
  }
  return placed;
}

/** The content of a member. @param {Uint8Array} data @param {Placed} placed */
export const contentOf = (data, { contentAt, size }) => data.subarray(contentAt, contentAt + size);

/**
 * Names, sizes and checksums; everything else is compared afterwards.
 * @param {Uint8Array} central @param {number} count
 */
function readMembers(central, count) {
  const view = new DataView(central.buffer, central.byteOffset, central.length);
  const members = /** @type {Member[]} */ ([]);
  let at = 0;
  for (let read = 0; read < count; read += 1) {
    if (central.length < at + CENTRAL_BYTES) throw new FormatError("the directory ends before its last member");
    const [crc, size] = [view.getUint32(at + 16, true), view.getUint32(at + 24, true)];
    const nameBytes = view.getUint16(at + 28, true);
    at += CENTRAL_BYTES;
    const name = central.subarray(at, at + nameBytes);
    if (name.some((byte) => byte > 0x7f)) throw new FormatError("a name of a member is not ASCII");
    members.push({ name: fromUtf8(name) ?? "", size, crc });
    at += nameBytes;
  }
  return members;
}

/** Where each member stands; they are in the order of their names. @param {Member[]} members @returns {Placed[]} */
function place(members) {
  const names = members.map((one) => one.name);
  for (const name of names) {
    if (NAME.pattern.test(name) && name.length <= NAME_BYTES_MAX) continue;
    throw new FormatError(`${quote(name, 80)} is no name of a member: one folder at most, plain characters`);
  }
  if (new Set(names.map((name) => name.toLowerCase())).size !== names.length) {
    throw new FormatError("a name stands twice, capitals aside");
  }
  if (names.some((name, at) => at > 0 && byCodePoint(names[at - 1], name) > 0)) {
    throw new FormatError("members stand in the order of their names");
  }
  let at = 0;
  const placed = members.map((one) => {
    const contentAt = at + LOCAL_BYTES + one.name.length;
    const found = { ...one, headerAt: at, contentAt };
    at = contentAt + one.size;
    return found;
  });
  const directoryBytes = names.reduce((sum, name) => sum + CENTRAL_BYTES + name.length, END_BYTES);
  if (at + directoryBytes > ARCHIVE_BYTES_MAX) {
    throw new FormatError(`an archive has at most ${ARCHIVE_BYTES_MAX} bytes`);
  }
  return placed;
}

/** What stands before the content of a member. @param {Placed} member */
function header({ name, size, crc }) {
  const fixed = record(LOCAL_BYTES, [
    [4, 0x04034b50], [2, VERSION], [2, FLAGS], [2, 0], [2, TIME], [2, DATE], [4, crc], [4, size], [4, size],
    [2, name.length], [2, 0],
  ]);
  return concat(fixed, toUtf8(name));
}

/** What stands after the last content: the central directory and the end record. @param {Placed[]} placed */
function directory(placed) {
  const rows = placed.map(({ name, size, crc, headerAt }) => {
    const fixed = record(CENTRAL_BYTES, [
      [4, 0x02014b50], [2, MADE_BY], [2, VERSION], [2, FLAGS], [2, 0], [2, TIME], [2, DATE], [4, crc], [4, size],
      [4, size], [2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, MODE], [4, headerAt],
    ]);
    return concat(fixed, toUtf8(name));
  });
  const central = concat(...rows);
  const last = placed.at(-1);
  const at = last ? last.contentAt + last.size : 0;
  const count = placed.length;
  const end = record(END_BYTES, [
    [4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, central.length], [4, at], [2, 0],
  ]);
  return concat(central, end);
}

/**
 * Numbers in a row, each in so many bytes, the lower byte first.
 * @param {number} length @param {[2 | 4, number][]} fields
 */
function record(length, fields) {
  const view = new DataView(new ArrayBuffer(length));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The CRC-32 of a ZIP file's content (APPNOTE 4.4.7). @param {Uint8Array} data */
export function crc32(data) {
  let value = 0xffffffff;
  for (const byte of data) value = (value >>> 8) ^ CRC_OF_BYTE[(value ^ byte) & 0xff];
  return ~value >>> 0;
}
