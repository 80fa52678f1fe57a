// @ts-check
// Sends files from the form of a step: reads each, shows its fingerprint, sends it in parts, goes on where it stopped.
// Without this script, or where the browser computes no digest, the form sends one file at a time as forms do; so it does
// with a file that is too large to be read whole, once the person presses its button.

const PART_BYTES = 1 << 20;
const HASHED_BYTES_MAX = 1 << 28; // read whole into memory: a larger one goes by the form itself
const TRIES_MAX = 5; // of one part; the pause doubles each time

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const SHORT = new Map([["\t", "\\t"], ["\n", "\\n"], ["\r", "\\r"]]);

/**
 * Returns a file's name with control, format (bidi and zero-width too) and line-breaking characters shown as escapes, as
 * core/pages/escaping.py does.
 * @param {string} name
 */
function visible(name) {
  return name.replace(HIDDEN, (one) => SHORT.get(one) ?? escape_(/** @type {number} */ (one.codePointAt(0))));
}

/** @param {number} point */
function escape_(point) {
  const [letter, width] = point < 0x100 ? ["x", 2] : point < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${point.toString(16).padStart(Number(width), "0")}`;
}

/** @param {string} name @param {string} text @param {string} [kind] */
function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

/** @param {ArrayBuffer} content */
async function digest(content) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class EndedError extends Error {}
class SizeError extends Error {}

/**
 * Sends what is missing of a file and says how far it is.
 * @param {Blob} file
 * @param {string} sha256
 * @param {(share: number) => void} told
 */
async function send(file, sha256, told) {
  const path = `/return/parts/${sha256}`;
  let failures = 0;
  let offset = 0; // -1: unknown, asked first
  for (;;) {
    try {
      if (offset < 0) {
        const state = await fetch(path);
        if (state.status === 401 || state.status === 403) throw new EndedError();
        const known = state.ok ? await state.json() : { offset: 0, complete: false };
        if (known.complete) return;
        offset = known.offset;
      }
      const end = Math.min(offset + PART_BYTES, file.size);
      const answer = await fetch(path, {
        method: "PUT",
        headers: { "Content-Type": "application/octet-stream", "Content-Range": `bytes ${offset}-${end - 1}/${file.size}` },
        body: file.slice(offset, end),
      });
      if (answer.status === 201) return;
      if (answer.status === 401 || answer.status === 403) throw new EndedError();
      if (answer.status === 409) { // it stands elsewhere: some of it came before
        const stands = (await answer.json()).offset;
        if (typeof stands !== "number" || stands === offset) throw new Error("409");
        offset = stands;
        continue;
      }
      if (answer.status !== 200) throw new Error(String(answer.status));
      offset = (await answer.json()).offset;
      failures = 0;
      told(offset / file.size);
    } catch (error) {
      failures += 1;
      if (error instanceof EndedError || failures >= TRIES_MAX) throw error;
      offset = -1;
      await pause(250 * 2 ** failures);
    }
  }
}

/**
 * Puts a file that arrived among those that the step can name.
 * @param {HTMLElement} chosen
 * @param {string} sha256
 * @param {string} name
 */
function offer(chosen, sha256, name) {
  const id = `file-${sha256}`;
  if (document.getElementById(id)) return;
  const template = document.querySelector("template[data-file]");
  if (!(template instanceof HTMLTemplateElement)) return;
  const made = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const label = /** @type {HTMLLabelElement} */ (made.querySelector("label"));
  const select = /** @type {HTMLSelectElement} */ (made.querySelector("select"));
  label.htmlFor = select.id = select.name = id;
  label.textContent = name;
  label.dir = "auto";
  /** @type {HTMLElement} */ (made.querySelector("code")).textContent = sha256;
  chosen.append(made);
  document.querySelector("[data-none]")?.remove();
}

/** @param {HTMLFormElement} form @param {HTMLInputElement} input @param {HTMLElement} chosen */
function enhance(form, input, chosen) {
  const list = /** @type {HTMLElement} */ (form.querySelector("ul"));
  const words = form.dataset;
  const largest = Number(words.largest); // that the ledger takes at all
  const button = form.querySelector("button");
  input.multiple = true;
  button?.remove();

  /**
   * Adds a file to the list, with what is said of it.
   * @param {File} file @param {string | undefined} text
   */
  function enlist(file, text) {
    const row = element("li", "");
    const state = element("p", text ?? "");
    const name = element("strong", visible(file.name));
    name.dir = "auto";
    row.append(name, state);
    list.append(row);
    return { row, state };
  }

  /** @param {File} file */
  async function take(file) {
    const { row, state } = enlist(file, words.hashing);
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.setAttribute("aria-label", visible(file.name));
    row.append(bar);
    try {
      if (file.size === 0 || file.size > largest) throw new SizeError();
      const sha256 = await digest(await file.arrayBuffer());
      row.append(element("code", sha256, "hash"));
      state.textContent = words.sending ?? "";
      bar.value = 0;
      await send(file, sha256, (share) => { bar.value = share; });
      bar.value = 1;
      state.textContent = words.done ?? "";
      row.className = "arrived";
      offer(chosen, sha256, visible(file.name));
    } catch (error) {
      const { elsewhere, size, failed } = words;
      state.textContent = (error instanceof EndedError ? elsewhere : error instanceof SizeError ? size : failed) ?? "";
      row.className = "problem";
      bar.remove();
    }
  }

  input.addEventListener("change", async () => {
    const files = Array.from(input.files ?? []);
    const goesWhole = (/** @type {File} */ file) => file.size > HASHED_BYTES_MAX && file.size <= largest;
    button?.remove();
    list.querySelector(".whole")?.remove(); // what was chosen before and not sent is chosen no more
    if (files.length === 1 && goesWhole(files[0]) && button) {
      enlist(files[0], words.whole).row.className = "whole";
      list.before(button);
      return; // it stays chosen, and the button sends it
    }
    input.value = "";
    for (const file of files) {
      if (goesWhole(file)) enlist(file, words.alone).row.className = "problem";
      else await take(file);
    }
  });
}

const form = document.querySelector("form[data-upload]");
const input = form?.querySelector("input[type=file]");
const chosen = document.querySelector("[data-chosen]");
if (form instanceof HTMLFormElement && input instanceof HTMLInputElement && chosen instanceof HTMLElement) {
  if (globalThis.crypto?.subtle) enhance(form, input, chosen);
}
