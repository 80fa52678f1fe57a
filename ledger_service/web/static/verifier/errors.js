// @ts-check
/**
 * What can be wrong with a file, as few classes as the checks tell apart.
 *
 * `message` is the reason that a report shows. Nothing here is thrown out of a verification: it ends in a report.
 */

/** Root: whatever a check may find. */
export class LedgerError extends Error {}

/** Bytes are not what they claim to be. */
export class FormatError extends LedgerError {}

/** Over a named limit; `actual` is what was found, where it is known. */
export class LimitError extends FormatError {
  /** @param {string} limit @param {number} most @param {number} [actual] */
  constructor(limit, most, actual) {
    super(`${limit} is ${most}, found ${actual ?? "more"}`);
  }
}

/** A proof does not prove what it is offered for; a signature that does not verify is one. */
export class InvalidProofError extends LedgerError {}

/** Values that a check needs are withheld or erased: this says nothing about the evidence. */
export class WithheldError extends LedgerError {}
