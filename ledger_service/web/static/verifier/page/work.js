// @ts-check
// The work itself, in a thread of its own, so that the page stays usable: files in, reports out.
// Where the browser gives no thread (old ones, for a file from the disk), it is done in the page.

import { verifyFiles } from "../verify_files.js";
import { ask } from "./ask.js";

/** @typedef {import("./files.js").Chosen} Chosen */
/** @typedef {import("../verify_files.js").Report} Report */
/** @typedef {{chosen: Chosen[], blockHashes: string[], nodes: string[]}} Job */
/** @typedef {{reports: Report[]} | {failed: string}} Done */

/**
 * Returns the reports on what was chosen, or why there are none.
 * @param {Job} job
 * @returns {Promise<Done>}
 */
async function done({ chosen, blockHashes, nodes }) {
  try {
    const read = await Promise.all(chosen.map(async ({ file, role }) => (
      { role, name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
    /** @param {string} role */
    const given = (role) => read.filter((one) => one.role === role).map(({ name, bytes }) => ({ name, bytes }));
    const reports = await verifyFiles({
      files: given("proof"),
      trust: given("trust")[0]?.bytes ?? null,
      evidence: given("original"),
      blockHashes,
      nodes,
      ask: nodes.length ? ask : null,
      now: Date.now(),
    });
    return { reports };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

/** Answers, as the thread that it is, each job that the page sends. */
export function serve() {
  addEventListener("message", async (event) => postMessage(await done(event.data)));
}

/**
 * Does a job.
 * @param {Job} job
 * @param {string} source the address of this very script, for the thread
 * @returns {{done: Promise<Done>, stop: () => void}}
 */
export function start(job, source) {
  /** @type {Worker | null} */
  let thread = null;
  try {
    thread = new Worker(source);
  } catch {
    return { done: done(job), stop: () => {} };
  }
  const worker = thread;
  /** @type {Promise<Done>} */
  const answer = new Promise((resolve) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = () => resolve(done(job)); // it was not even loaded
    worker.postMessage(job);
  });
  return { done: answer.finally(() => worker.terminate()), stop: () => worker.terminate() };
}
