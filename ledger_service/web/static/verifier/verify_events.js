// @ts-check
/**
 * Verify the events of a package: each line says of its entry what the receipt of that entry says (SPEC.md, section
 * 14.3).
 *
 * Promises: one line at a time. Does not: compare how far an entry had come, or where a line says that a file stands:
 * that is the ledger's word.
 */

import { equal } from "./bytes.js";
import { FormatError } from "./errors.js";
import { parseEvent } from "./package_events.js";
import { fail, indecisive, pass, unknown } from "./report.js";
import { linesOf } from "./verify_export.js";

/** @import { Event } from "./package_events.js" */

/**
 * The check of the file.
 * @param {Uint8Array | null} data null where a package has none
 * @param {Event[]} said what the receipts that hold say, by index
 */
export function checkEvents(data, said) {
  if (data === null) return indecisive(unknown("events", "an older package: it has no events.jsonl"));
  let count = 0;
  try {
    for (const line of linesOf(data)) {
      const event = parseEvent(line);
      if (count === said.length || !same(event, said[count])) {
        return fail("events", `line ${count + 1} says of entry ${event.index} what no receipt says there`);
      }
      count += 1;
    }
  } catch (error) {
    if (error instanceof FormatError) return fail("events", `line ${count + 1}: ${error.message}`);
    throw error;
  }
  if (count !== said.length) return fail("events", `${count} lines, and ${said.length} receipts that hold`);
  return pass("events", `${count} lines, each says of its entry what the receipt says`);
}

/** @param {Event} one @param {Event} other */
function same(one, other) {
  const files = one.files.length === other.files.length && one.files.every((file, at) => file === other.files[at]);
  return files && one.index === other.index && equal(one.leaf, other.leaf) && equal(one.told, other.told);
}
