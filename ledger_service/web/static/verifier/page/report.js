// @ts-check
// Reports as a person reads them: the verdict in words, then each check with its reason, then what was not checked.
// Promises: nothing of a file is taken for the page's own words: it is set as text, isolated, in a place of its own.

import { visible } from "./visible.js";

/** @typedef {import("../verify_files.js").Report} Report */
/** @typedef {import("../verify_files.js").Check} Check */
/** @typedef {(name: string) => string} Words */

const CHECKS_SHOWN = 300; // of one file; a package names at most twenty receipts one by one
const NAME_MAX = 120;

/**
 * Returns an element with a text.
 * @param {string} name
 * @param {string} text
 * @param {string} [kind]
 */
export function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

/**
 * Returns a name of a file, isolated from the words around it.
 * @param {string} name
 */
export function fileName(name) {
  return element("bdi", visible(name, NAME_MAX));
}

/**
 * Returns the section about one file.
 * @param {Report} report
 * @param {Words} words
 */
export function reportSection(report, words) {
  const section = document.createElement("section");
  section.className = `report card ${report.verdict}`;
  const heading = element("h2", "");
  heading.append(fileName(report.file));
  const verdict = element("p", "", `mark ${report.verdict}`);
  verdict.append(element("strong", words(report.verdict)));
  section.append(heading, verdict, element("p", meaning(report, words)));
  const list = element("ul", "", "checks");
  list.append(...report.checks.slice(0, CHECKS_SHOWN).map((check) => checkItem(check, words)));
  section.append(element("h3", words("checks")), list);
  section.append(...open(report, words));
  return section;
}

/**
 * Returns how many files have each verdict, in one line.
 * @param {Report[]} reports
 * @param {Words} words
 */
export function summary(reports, words) {
  const found = ["valid", "invalid", "inconclusive"].map((verdict) => (
    { verdict, count: reports.filter((report) => report.verdict === verdict).length }));
  return found.filter(({ count }) => count).map(({ verdict, count }) => `${words(verdict)}: ${count}`).join(" · ");
}

/** @param {Check} check @param {Words} words */
function checkItem(check, words) {
  const item = element("li", "", check.outcome);
  const detail = element("span", visible(check.detail), "quiet");
  detail.lang = "en";
  detail.dir = "auto";
  item.append(element("strong", nameOf(check.name, words)), `: ${words(check.outcome)}`);
  if (check.detail) item.append(element("br", ""), detail);
  return item;
}

/** @param {string} name @param {Words} words */
function nameOf(name, words) {
  return words(`check-${name}`) || visible(name);
}

/** @param {Report} report @param {Words} words */
function meaning({ verdict, checks }, words) {
  const has = (/** @type {string} */ name) => checks.some((check) => check.name === name);
  if (verdict === "valid") {
    const kind = ["contradiction", "archive", "trailer", "case_index"].find(has) ?? "entry";
    const whole = checks.some(({ name, outcome }) => name === "completeness" && outcome === "pass");
    return words(`means-${kind}`) + (kind === "trailer" && whole ? ` ${words("means-whole")}` : "");
  }
  const wanted = verdict === "invalid" ? "fail" : "unknown";
  const names = new Set(checks.filter((check) => check.outcome === wanted).map((check) => nameOf(check.name, words)));
  return `${words(`means-${verdict}`)} ${[...names].join(" · ")}`;
}

/**
 * Returns what was not checked, and how it can be: for the first of them that something can be done about, as the rest
 * mostly follows from it.
 * @param {Report} report
 * @param {Words} words
 */
function open({ verdict, checks }, words) {
  const names = [...new Set(checks.filter((check) => check.outcome === "unknown").map((check) => check.name))];
  if (verdict === "invalid" || names.length === 0) return [];
  const list = element("ul", "", "open");
  list.append(...names.map((name) => element("li", nameOf(name, words))));
  const hint = names.map((name) => words(`hint-${name}`)).find(Boolean);
  return [element("h3", words("open")), list, ...(hint ? [element("p", hint)] : [])];
}
