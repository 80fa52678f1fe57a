// @ts-check
// The page around the verifier: it takes files, has them verified on this device, and shows what was found.
// The same script is the page and, where no document is, the thread that works for it. It sends nothing anywhere; only
// `page/ask.js` asks, and only the nodes whose addresses the person typed.

import { lines, wrongHash, wrongNode } from "./page/fields.js";
import { problemOf, roleOf } from "./page/files.js";
import { element, fileName, reportSection, summary } from "./page/report.js";
import { visible } from "./page/visible.js";
import { serve, start } from "./page/work.js";

/** @typedef {import("./page/files.js").Chosen} Chosen */
/** @typedef {import("./page/files.js").Role} Role */
/** @typedef {import("./page/report.js").Report} Report */

/** What the person gave and what was found: kept while the language changes. */
const state = {
  /** @type {Chosen[]} */
  chosen: [],
  blockHashes: "",
  nodes: "",
  /** @type {Report[]} */
  reports: [],
};
let stopWork = () => {};
/** @type {(files: File[]) => Promise<void>} takes what was dropped, into the page of today's language */
let takeFiles = async () => {};

/** @returns {string} the address of this script; inside of one file it is made of the script's own text */
function ownAddress() {
  const own = /** @type {HTMLScriptElement} */ (document.currentScript);
  return own.src || URL.createObjectURL(new Blob([own.text], { type: "text/javascript" }));
}

/**
 * Puts the page of one language in its place.
 * @param {HTMLElement} place
 * @param {HTMLTemplateElement} template
 * @param {string} source
 */
function mount(place, template, source) {
  stopWork();
  place.replaceChildren(template.content.cloneNode(true));
  /** @template {HTMLElement} T @param {string} name @returns {T} */
  const part = (name) => /** @type {T} */ (place.querySelector(`[data-part="${name}"]`));
  const said = new Map(Array.from(part("words").children, (one) => [one.getAttribute("data-word"), one.textContent]));
  const words = (/** @type {string} */ name) => said.get(name) ?? "";
  const input = /** @type {HTMLInputElement} */ (part("files"));
  const hashes = /** @type {HTMLTextAreaElement} */ (part("hashes"));
  const nodes = /** @type {HTMLTextAreaElement} */ (part("nodes"));
  const [list, go, stop, problem, status, reports] = ["list", "go", "stop", "problem", "status", "reports"].map(part);

  /** @param {string} word @param {HTMLElement} [field] @param {string} [what] */
  function refuse(word, field, what = "") {
    for (const one of [input, hashes, nodes]) one.setAttribute("aria-invalid", String(one === field));
    problem.replaceChildren(words(word) || word, ...(what ? [" ", element("bdi", visible(what, 120))] : []));
    problem.hidden = !word;
    field?.focus();
  }

  function showChosen() {
    list.replaceChildren(...state.chosen.map((one, at) => row(one, at)));
  }

  /** @param {Chosen} one @param {number} at */
  function row(one, at) {
    const item = element("li", "");
    const label = /** @type {HTMLLabelElement} */ (element("label", ""));
    label.append(fileName(one.file.name));
    const select = document.createElement("select");
    select.id = label.htmlFor = `verifier-role-${at}`;
    for (const role of /** @type {Role[]} */ (["proof", "original", "trust"])) {
      select.add(new Option(words(`role-${role}`), role, false, role === one.role));
    }
    select.addEventListener("change", () => { one.role = /** @type {Role} */ (select.value); });
    const remove = /** @type {HTMLButtonElement} */ (element("button", words("remove"), "quiet"));
    remove.type = "button";
    remove.setAttribute("aria-label", `${words("remove")}: ${visible(one.file.name, 120)}`);
    remove.addEventListener("click", () => {
      state.chosen.splice(state.chosen.indexOf(one), 1);
      showChosen();
      input.focus();
    });
    item.append(label, select, remove);
    return item;
  }

  /** @param {File[]} files */
  async function take(files) {
    const taken = await Promise.all(files.map(async (file) => ({ file, role: await roleOf(file) })));
    state.chosen.push(...taken);
    showChosen();
    refuse("");
  }

  function showReports() {
    reports.replaceChildren(...state.reports.map((report) => reportSection(report, words)));
    status.textContent = state.reports.length ? `${words("done")} ${summary(state.reports, words)}` : "";
  }

  /** @param {boolean} working */
  function setWorking(working) {
    go.toggleAttribute("disabled", working);
    stop.hidden = !working;
    reports.setAttribute("aria-busy", String(working));
  }

  async function verify() {
    const blockHashes = lines(hashes.value);
    const urls = lines(nodes.value);
    const wrong = [wrongHash(blockHashes), wrongNode(urls)];
    const amiss = problemOf(state.chosen);
    if (amiss) return refuse(amiss, input);
    if (wrong[0] !== undefined) return refuse("wrong-hash", hashes, wrong[0]);
    if (wrong[1] !== undefined) return refuse("wrong-node", nodes, wrong[1]);
    refuse("");
    state.reports = [];
    showReports();
    status.textContent = words("working");
    setWorking(true);
    const work = start({ chosen: state.chosen, blockHashes, nodes: urls }, source);
    let stopped = false;
    stopWork = () => {
      stopped = true;
      work.stop();
      setWorking(false);
      status.textContent = words("stopped");
    };
    const done = await work.done;
    if (stopped) return;
    setWorking(false);
    if ("failed" in done) {
      status.textContent = "";
      refuse("failed", undefined, done.failed);
    } else {
      state.reports = done.reports;
      showReports();
    }
  }

  input.addEventListener("change", () => {
    const files = Array.from(input.files ?? []);
    input.value = ""; // the same file may be chosen again
    void take(files);
  });
  takeFiles = take;
  hashes.value = state.blockHashes;
  nodes.value = state.nodes;
  hashes.addEventListener("input", () => { state.blockHashes = hashes.value; });
  nodes.addEventListener("input", () => { state.nodes = nodes.value; });
  go.addEventListener("click", () => void verify());
  stop.addEventListener("click", () => { stopWork(); go.focus(); });
  showChosen();
  showReports();
}

/** Shows the page, in the language of the browser where the file holds several. */
function open() {
  const source = ownAddress();
  const place = /** @type {HTMLElement} */ (document.querySelector("[data-verifier-here]"));
  /** @type {NodeListOf<HTMLTemplateElement>} */
  const held = document.querySelectorAll("template[data-verifier]");
  const templates = Array.from(held);
  const buttons = Array.from(document.querySelectorAll("button[data-language]"));
  /** @param {HTMLTemplateElement} template */
  function show(template) {
    mount(place, template, source);
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.getAttribute("lang") === template.lang));
    }
    if (buttons.length === 0) return; // the server made the page around it
    document.documentElement.lang = template.lang;
    document.documentElement.dir = template.dir;
    document.title = place.querySelector("h1")?.textContent ?? document.title;
  }
  for (const button of buttons) {
    const template = templates.find((one) => one.lang === button.getAttribute("lang"));
    button.addEventListener("click", () => { if (template) show(template); });
  }
  // A file that is dropped beside a field would otherwise be opened in place of the page.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    void takeFiles(Array.from(event.dataTransfer?.files ?? []));
  });
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  const best = wanted.map((tag) => templates.find((one) => one.lang.startsWith(tag))).find(Boolean);
  show(best ?? templates[0]);
}

if (typeof document === "undefined") serve();
else open();
