// Elements and numbers. Texts of strangers go into the page as text alone, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes, `onclick` and the like, `style` as an object; children are nodes, texts or nothing. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** An element of index.html. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** The control that has the focus, if one has. */
export function focused() {
  return /** @type {HTMLElement | null} */ (document.activeElement);
}

/** The control with that key, or another one that a selector finds. */
export function control(selector) {
  return /** @type {HTMLElement | null} */ (document.querySelector(selector));
}

/** The window for a question or a list. */
export function dialogue() {
  return /** @type {HTMLDialogElement} */ (byId("keys"));
}

/** Puts `next` in the place of `old` if they differ; the control that had the focus has it again. */
export function replaced(old, next) {
  if (old.isEqualNode(next)) return old;
  const key = old.contains(document.activeElement) ? focused()?.dataset.k : undefined;
  old.replaceWith(next);
  if (key) next.querySelector(`[data-k="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  return next;
}

const PATHS = {
  overview: "M4 4h6v6H4zM14 14h6v6h-6zM10 7h7v7",
  requests: "M4 8h14l-3-3M20 16H6l3 3",
  balancer: "M5 5v14M5 12h13l-4-4M18 12l-4 4",
  logs: "M5 6h14M5 12h14M5 18h9",
  firelens: "M12 3c1 4 5 5 5 10a5 5 0 0 1-10 0c0-2 1-3 2-4 0 2 1 3 2 3 1-3-1-5 1-9z",
  events: "M12 7v5l3 2M12 3a9 9 0 1 0 .01 0",
  deployments: "M12 3v12M7 8l5-5 5 5M4 15v5h16v-5",
  traces: "M4 6h9M7 12h10M11 18h9",
  metrics: "M4 19V5M4 19h16M7 15l4-5 3 3 5-7",
  connect: "M8 12h8M5 9a3 3 0 1 0 .01 6M19 9a3 3 0 1 1-.01 6",
  manifest: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  store: "M4 8h16v8H4zM9 8v8M15 8v8",
  theme: "M12 8a4 4 0 1 0 .01 0M12 3v2M12 19v2M3 12h2M19 12h2M6 6l1 1M17 17l1 1M18 6l-1 1M7 17l-1 1",
  help: "M12 3a9 9 0 1 0 .01 0M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 17v.5",
  close: "M6 6l12 12M18 6L6 18",
  restart: "M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5",
  stop: "M7 7h10v10H7z",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.5",
  arrow: "M5 12h14M14 7l5 5-5 5",
  pause: "M9 6v12M15 6v12",
  play: "M8 5l11 7-11 7z",
  eye: "M2 12s4-6 10-6 10 6 10 6-4 6-10 6S2 12 2 12zM12 9.5a2.5 2.5 0 1 0 .01 0",
};

/** A drawing beside words, or in place of them where its button has a label. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
}

/**
 * @param {string} label
 * @param {(event: Event) => unknown} onclick
 * @param {{ name?: string, kind?: string, key?: string, title?: string, disabled?: boolean }} [options]
 */
export function button(label, onclick, { name, kind = "", key, title, disabled } = {}) {
  return h(
    "button",
    { type: "button", class: `button ${kind}`, onclick, "data-k": key, title, disabled },
    name && icon(name),
    label,
  );
}

const SHAPES = { ok: "●", wait: "■", bad: "◆", idle: "○" };

/** A state: a colour, a shape and a word. */
export function badge(tone, word) {
  return h(
    "span",
    { class: `badge ${tone}` },
    h("span", { "aria-hidden": "true", class: "shape" }, SHAPES[tone]),
    word,
  );
}

/** A state without room for its word, which a pointer and a screen reader get. */
export function dot(tone, word) {
  return h("span", { class: `dot ${tone}`, role: "img", "aria-label": word, title: word }, SHAPES[tone]);
}

/** The head of a page: its title, and what stands beside it. */
export function head(title, ...beside) {
  return h("header", { class: "head" }, h("h1", { tabindex: -1 }, title), beside);
}

/** A part of a page under a heading of its own. */
export function card(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), content);
}

/** A part of the panel under a heading of its own. */
export function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), content);
}

/** Words that matter less than those beside them. */
export function muted(...content) {
  return h("span", { class: "muted" }, content);
}

/** A table that is scrolled where it has no room. `heads` are words, or pairs of a word and its column's class; `rows` are
 * lists of what is in their cells, or of cells, or they are elements. */
export function table(label, heads, rows, kind) {
  const columns = heads.map((one) => [one].flat());
  const headOf = ([word, column]) => word ? h("th", { scope: "col", class: column }, word) : h("td");
  const cellOf = (cell, at) => cell instanceof HTMLTableCellElement ? cell : h("td", { class: columns[at]?.[1] }, cell);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: kind },
      columns.length > 0 && h("thead", {}, h("tr", {}, columns.map(headOf))),
      h("tbody", {}, rows.map((row) => Array.isArray(row) ? h("tr", {}, row.map(cellOf)) : row)),
    ),
  );
}

/** Names, each with its value in code. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, String(value)))]),
  );
}

export function empty(text, ...more) {
  return h("p", { class: "empty" }, prose(text), ...more);
}

const colours = new Map();

/** The colour that a container has everywhere: the next free one for each name, in the order in which names are known. */
export function colourOf(name) {
  if (!colours.has(name)) colours.set(name, `var(--series-${colours.size % 8})`);
  return colours.get(name);
}

/** 1234.5 ms as `1.23 s`; 12.3 as `12 ms`. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

/** How long ago, in words that stay right for a while. */
export function ago(ms) {
  if (ms < 60_000) return `${Math.max(Math.round(ms / 1000), 0)} s ago`;
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min ago` : `${Math.floor(ms / 3_600_000)} h ago`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** 08:45:19.313, of this machine's zone. */
export function clock(moment) {
  const date = moment instanceof Date ? moment : new Date(moment);
  return Number.isNaN(date.getTime()) ? "" : CLOCK.format(date);
}

export function count(number) {
  return number.toLocaleString("en-US");
}

export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** How many of a list are shown: `3 of 90 requests`. */
export function ofAll(shown, all, word) {
  return shown === all ? plural(all, word) : `${count(shown)} of ${plural(all, word)}`;
}

// deno-lint-ignore no-control-regex
const CODES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** What a program printed, without a terminal's colours; other control characters as their pictures, `␀`. */
export function printed(text) {
  const plain = text.includes("\x1b") ? text.replace(CODES, "") : text;
  return plain.replace(CONTROLS, (one) => one === "\x7f" ? "␡" : String.fromCharCode(0x2400 + one.charCodeAt(0)));
}

const MOST = 1000; // characters: no row shows more, and a browser takes its time to lay them out

/** The beginning of a line, as a row shows it. */
export function cut(text) {
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

/** An error in the server's words. */
export function sentence({ message, hint }) {
  return [message, hint].filter(Boolean).join(". ");
}

/** Words in which commands stand between backticks. */
export function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

export function shortId(task) {
  return task.slice(0, 8);
}

/** The id at the end of an ARN. */
export function idOf(arn) {
  return arn.slice(arn.lastIndexOf("/") + 1);
}
