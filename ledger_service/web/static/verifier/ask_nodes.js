// @ts-check
/**
 * Ask nodes what a verifier wants to know: questions in, answers out.
 *
 * Promises: every question gets an answer from every node; what could not be had has its reason. Numbers and bytes from
 * a node are read strictly. Does not: send anything itself (`ask` does, which the caller gives), or judge an answer.
 */

import { fromHex, toHex } from "./bytes.js";
import { keccak } from "./hashes.js";
import { cut, quote } from "./quoted.js";
import { computeCommitmentSlot } from "./registry.js";

/** @import { Answer, Question } from "./facts.js" */

/**
 * One JSON-RPC call: its `result`, or a rejection whose message says why there is none.
 * @typedef {(url: string, method: string, params: unknown[]) => Promise<unknown>} Ask
 */
/** @typedef {{number: bigint, blockHash: Uint8Array}} Block */

const QUANTITY = /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/;
const DATA = /^0x(?:[0-9a-fA-F]{2})*$/;
const WORD_BYTES = 32;
const NO_SUCH_BLOCK = /block not found|unknown block/i; // an error of some nodes, where others answer null

/** Nobody answered, or with something that no honest node answers. */
class NodeError extends Error {}

/**
 * What each node says to each question that concerns its chain.
 * @param {string[]} urls @param {Question[]} questions @param {Ask} ask @returns {Promise<Answer[]>}
 */
export async function askNodes(urls, questions, ask) {
  const asked = Array.from(new Map(questions.map((one) => [one.key, one])).values());
  if (!asked.length) return [];
  return (await Promise.all(urls.map((url) => askOne(url, asked, ask)))).flat();
}

/** @param {string} url @param {Question[]} questions @param {Ask} ask @returns {Promise<Answer[]>} */
async function askOne(url, questions, ask) {
  const node = new Node(url, ask);
  try {
    const chainId = toQuantity(await node.request("eth_chainId", []), "chain id");
    const genesis = await node.block("0x0");
    if (genesis === null) throw new NodeError(`${node.name} has no block 0`);
    const mine = questions.filter((one) => BigInt(one.pinned.chainId) === chainId);
    if (!mine.length) throw new NodeError(`serves chain ${chainId}, on which this file has no anchor`);
    return await Promise.all(mine.map((one) => answer(node, one, chainId, genesis.blockHash)));
  } catch (error) {
    if (error instanceof NodeError) return [{ source: node.name, question: null, reason: error.message }];
    throw error;
  }
}

/**
 * Everything is read at one final block, so that two moments are never mixed.
 * @param {Node} node @param {Question} question @param {bigint} chainId @param {Uint8Array} chainGenesis
 * @returns {Promise<Answer>}
 */
async function answer(node, question, chainId, chainGenesis) {
  const { pinned, sequence, blockNumber } = question;
  const source = node.name;
  try {
    const finalNumber = await finalNumberOf(node, pinned.confirmations);
    if (finalNumber === null) return { source, question, reason: "the node knows no final block yet" };
    const [address, at] = [`0x${toHex(pinned.contract)}`, quantity(finalNumber)];
    const code = toBytes(await node.request("eth_getCode", [address, at]), "code");
    const slot = `0x${toHex(computeCommitmentSlot(pinned.logId, sequence))}`;
    const held = await node.request("eth_getStorageAt", [address, slot, at]);
    const block = await node.block(quantity(blockNumber));
    return {
      source, question, chainId, chainGenesis, finalNumber,
      codeHash: code.length ? keccak(code) : null,
      commitment: toBytes(held, "storage slot", WORD_BYTES),
      blockHash: block && block.blockHash,
    };
  } catch (error) {
    if (error instanceof NodeError) return { source, question, reason: error.message };
    throw error;
  }
}

/**
 * The number of the newest final block, null where the node knows none yet.
 * @param {Node} node @param {number | null} confirmations
 */
async function finalNumberOf(node, confirmations) {
  const block = await node.block(confirmations === null ? "finalized" : "latest");
  if (block === null || confirmations === null) return block && block.number;
  const final = block.number - BigInt(confirmations);
  return final > 0n ? final : 0n;
}

/** Questions to one node. */
class Node {
  /** @param {string} url @param {Ask} ask */
  constructor(url, ask) {
    this.url = url;
    this.ask = ask;
    this.name = nameOf(url);
  }

  /** @param {string} method @param {unknown[]} params */
  async request(method, params) {
    try {
      return await this.ask(this.url, method, params);
    } catch (error) {
      throw new NodeError(error instanceof Error ? error.message : String(error));
    }
  }

  /** A block by number or tag, null where the node has none. @param {string} name @returns {Promise<Block | null>} */
  async block(name) {
    let found;
    try {
      found = await this.request("eth_getBlockByNumber", [name, false]);
    } catch (error) {
      if (error instanceof NodeError && NO_SUCH_BLOCK.test(error.message)) return null;
      throw error;
    }
    if (found === null) return null;
    const block = toBlock(found);
    if (name.startsWith("0x") && quantity(block.number) !== name) {
      throw new NodeError(`${this.name} answered with another block than ${BigInt(name)}`);
    }
    return block;
  }
}

/** Scheme, host and port of a URL: paths and queries may hold keys. @param {string} url */
function nameOf(url) {
  if (!URL.canParse(url)) return "the node of --rpc";
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.replaceAll("/", "") || search ? "/…" : ""}`;
}

/** @param {bigint} value */
const quantity = (value) => `0x${value.toString(16)}`;

/** @param {unknown} found @returns {Block} */
function toBlock(found) {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new NodeError(`the node's block is not an object: ${shown(found)}`);
  }
  const members = new Map(Object.entries(found));
  const number = toQuantity(members.get("number"), "block number");
  const blockHash = toBytes(members.get("hash"), "hash", WORD_BYTES);
  toBytes(members.get("parentHash"), "parentHash", WORD_BYTES); // a block that is crooked elsewhere is none either
  toQuantity(members.get("timestamp"), "block timestamp");
  return { number, blockHash };
}

/** What a node answered, in few words. @param {unknown} value */
const shown = (value) => quote(cut(value === null || value === undefined ? "None" : String(value), 80));

/** @param {unknown} value @param {string} what */
function toQuantity(value, what) {
  if (typeof value === "string" && QUANTITY.test(value)) return BigInt(value);
  throw new NodeError(`the node's ${what} is not a quantity: ${shown(value)}`);
}

/** @param {unknown} value @param {string} what @param {number} [size] of them */
function toBytes(value, what, size) {
  const bytes = typeof value === "string" && DATA.test(value) ? fromHex(value.slice(2).toLowerCase()) : null;
  if (bytes === null) throw new NodeError(`the node's ${what} is not a string of bytes: ${shown(value)}`);
  if (size === undefined || bytes.length === size) return bytes;
  throw new NodeError(`the node's ${what} has ${bytes.length} bytes, not ${size}`);
}
