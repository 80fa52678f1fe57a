// @ts-check
// The only way out: one JSON-RPC call to a node whose address the person typed.
// Promises: no cookie, no referrer, no redirect; an answer that is slow or large is none. Does not: believe it.

const SECONDS_MAX = 20;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024; // a contract's code, the largest that is asked for, has at most 48 KiB as hex
const REASON_MAX = 200; // characters of a node's own words

/**
 * Returns the result of a call.
 * @param {string} url
 * @param {string} method
 * @param {unknown[]} params
 * @returns {Promise<unknown>}
 */
export async function ask(url, method, params) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    cache: "no-store",
    signal: AbortSignal.timeout(SECONDS_MAX * 1000),
  });
  if (!answer.ok) throw new Error(`the node answered with HTTP ${answer.status}`);
  const value = JSON.parse(await bounded(answer));
  if (value?.error) throw new Error(`the node refused ${method}: ${String(value.error.message).slice(0, REASON_MAX)}`);
  if (value?.id !== 1 || value.result === undefined) throw new Error("the node's answer is no JSON-RPC answer");
  return value.result;
}

/** @param {Response} answer */
async function bounded(answer) {
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let length = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    length += part.value.length;
    if (length > ANSWER_BYTES_MAX) throw new Error("the node's answer is too long");
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}
