// @ts-check
// A verifier that stays: reads a request a line (JSON, files in base64), writes the reports of it as a line.
// Started with the folder of the modules, so that a copy with a check taken out can be started too.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const { examine, verifyFiles } = await import(new URL("verify_files.js", folder).href);
const { verifies } = await import(new URL("ed25519.js", folder).href);
const { FormatError } = await import(new URL("errors.js", folder).href);

/** @param {string} text */
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

/** @param {{name: string, data: string}[]} files */
const given = (files) => files.map(({ name, data }) => ({ name, bytes: bytes(data) }));

/** A node's answer as the modules know it; `question` is the question's key. @param {any} one */
const answer = (one) => {
  const question = one.question === null ? null : { key: one.question };
  if ("reason" in one) return { source: one.source, question, reason: one.reason };
  return {
    source: one.source,
    question,
    chainId: BigInt(one.chain_id),
    chainGenesis: bytes(one.chain_genesis),
    finalNumber: BigInt(one.final_number),
    codeHash: one.code_hash === null ? null : bytes(one.code_hash),
    commitment: bytes(one.commitment),
    blockHash: one.block_hash === null ? null : bytes(one.block_hash),
  };
};

/**
 * JSON-RPC from a record of calls; what is not in it is noted, so that it can be asked and put there.
 * @param {Record<string, {result?: unknown, error?: string}>} calls
 */
function recorded(calls) {
  const missing = /** @type {string[]} */ ([]);
  /** @param {string} url @param {string} method @param {unknown[]} params */
  const ask = async (url, method, params) => {
    const call = JSON.stringify([url, method, params]);
    if (!(call in calls)) missing.push(call);
    const answered = calls[call] ?? { error: "nobody answered" };
    if (answered.error !== undefined) throw new Error(answered.error);
    return answered.result;
  };
  return { ask, missing };
}

/** @param {any} request */
async function reply(request) {
  if (request.signatures) {
    return { verified: request.signatures.map((/** @type {string[]} */ one) => verifies(...one.map(bytes))) };
  }
  try {
    const asking = {
      files: given(request.files),
      trust: request.trust === null ? null : bytes(request.trust),
      evidence: given(request.evidence),
      blockHashes: request.block_hashes,
    };
    if (request.calls) {
      const { ask, missing } = recorded(request.calls);
      return { reports: await verifyFiles({ ...asking, nodes: request.nodes, ask, now: 0 }), missing };
    }
    const { reports, asked } = examine(asking);
    const keys = asked.map((/** @type {{key: string}} */ one) => one.key);
    return { reports: reports(request.answers.map(answer)), asked: keys };
  } catch (error) {
    if (error instanceof FormatError) return { refused: error.message };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await reply(JSON.parse(line)))}\n`);
}
