// Logs: what containers print, merged by time as it comes.

import { comparedView, nameOf } from "../compared.js";
import { clock, colourOf, cut, h, head, muted, ofAll, printed, section, shortId } from "../dom.js";
import { Chosen, matcher, oneOf, pauser, search, skippedNote } from "../filters.js";
import { List } from "../list.js";
import { heading, openPanel, taskLink } from "../panel.js";
import { data, subscribe, want } from "../store.js";

const LEVELS = { error: 3, warn: 2, info: 1, debug: 0 };
/** @type {[RegExp, string][]} */
const FIELDS = [[/^(fatal|critical|crit|emerg|alert|panic|error|err)/i, "error"], [/^warn/i, "warn"], [
  /^(debug|trace)/i,
  "debug",
]];
/** @type {[RegExp, string][]} */
const WORDS = [
  [
    /\b(FATAL|CRITICAL|PANIC|ERROR)\b|\[(error|crit|alert|emerg)\]|^(error|fatal)\b|Traceback|\b\w*(Error|Exception): /,
    "error",
  ],
  [/\b(WARN|WARNING)\b|\[(warn|warning)\]|^warn(ing)?\b/, "warn"],
  [/\b(DEBUG|TRACE)\b|\[debug\]|^debug\b/, "debug"],
];
const CONTINUES = /^(\s|Traceback |Caused by|at )/;
const before = new Map();
const levels = new WeakMap();

/** The level that a line names. A line that goes on with the one before, as those of a traceback do, has that one's. */
function levelOf(line) {
  const known = levels.get(line);
  if (known) return known;
  const key = `${line.task}/${line.container}/${line.s}`;
  const text = printed(line.text.slice(0, 2000)); // a colour before a word would hide where it begins
  const found = CONTINUES.test(text) && before.has(key) ? before.get(key) : named(text);
  before.set(key, found);
  levels.set(line, found);
  return found;
}

function named(text) {
  const field = /"(?:level|severity|lvl)"\s*:\s*"(\w+)"/i.exec(text)?.[1] ?? /\blevel=(\w+)/i.exec(text)?.[1];
  const found = field
    ? FIELDS.find(([pattern]) => pattern.test(field))
    : WORDS.find(([pattern]) => pattern.test(text.slice(0, 200)));
  return found?.[1] ?? "info";
}

export function show(main, query) {
  const chosen = new Chosen("logs", query, { q: "", level: "all", only: "", task: "", view: "merged", state: "all" });
  const list = new List({
    label: "Lines of containers",
    height: 20,
    columns: "96px minmax(90px, 150px) 1fr",
    draw: (
      line,
    ) => [
      muted(clock(line.at)),
      h("span", { style: { color: colourOf(line.container) }, title: `task ${shortId(line.task)}` }, nameOf(line)),
      h("span", { class: "text" }, cut(printed(line.text))),
    ],
    tone: (line) => ({ error: "bad", warn: "wait", debug: "faint" })[levelOf(line)] ?? "",
    open: openLine,
  });
  const total = muted();
  const missed = h("p", { class: "note" });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Containers" });
  let other = null;
  const filter = () => {
    if (other) return other.filter();
    const [matches, least, only] = [matcher(chosen.get("q")), LEVELS[chosen.get("level")] ?? -1, chosen.get("only")];
    const names = new Set(only ? only.split(",") : []);
    list.filter((line) =>
      LEVELS[levelOf(line)] >= least && (!names.size || names.has(nameOf(line))) &&
      (!chosen.get("task") || line.task === chosen.get("task")) && matches(line.text)
    );
    say();
  };
  const say = () => {
    total.textContent = ofAll(list.kept.length, data.lines.items.length, "line");
    missed.textContent = skippedNote(data, "lines", "lines");
  };
  const seen = new Set();
  const drawChips = () => {
    for (const line of data.lines.items.slice(-2000)) {
      const name = nameOf(line);
      if (seen.has(name)) continue;
      seen.add(name);
      chips.append(
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "aria-pressed": String(chosen.get("only").split(",").includes(name)),
            title: "Alt-click: this one alone",
            "data-name": name,
            onclick: (event) => {
              const pressed = event.currentTarget.getAttribute("aria-pressed") === "true";
              for (const other of chips.children) {
                if (event.altKey && other !== event.currentTarget) other.setAttribute("aria-pressed", "false");
              }
              event.currentTarget.setAttribute("aria-pressed", String(!pressed));
              chosen.set(
                "only",
                [...chips.children].filter((one) => one.getAttribute("aria-pressed") === "true").map((one) =>
                  one.dataset.name
                ).join(","),
              );
              filter();
            },
          },
          h("span", { class: "swatch", style: { background: colourOf(line.container) } }),
          name,
        ),
      );
    }
  };
  const levels = oneOf(chosen, "level", "Level", [["all", "All"], ["info", "Info+"], ["warn", "Warn+"], [
    "error",
    "Errors",
  ]], filter);
  const merged = h("section", { class: "card grows" }, missed, list.withHeads("Time", "Container", "Line"));
  let pause = pauser(list);
  const choose = () => {
    const compares = chosen.get("view") === "compared";
    if (compares === Boolean(other)) return;
    const before = other;
    other = compares ? comparedView(chosen) : null;
    (before?.element ?? merged).replaceWith(other?.element ?? merged);
    before?.end();
    levels.hidden = compares;
    total.hidden = compares;
    const next = pauser(other?.list ?? list);
    pause.replaceWith(next);
    pause = next;
    if (!compares) filter();
  };
  main.append(
    head(
      "Logs",
      total,
      h("span", { class: "space" }),
      oneOf(chosen, "view", "View", [["merged", "Merged"], ["compared", "Printed and routed"]], choose),
      pause,
    ),
    h(
      "div",
      { class: "row" },
      search(chosen, "q", "Text or /regex/", filter),
      levels,
      chosen.get("task") && h("a", { class: "chip", href: "#/logs" }, `task ${shortId(chosen.get("task"))} ×`),
      chips,
    ),
    merged,
  );
  want("lines");
  list.ring = data.lines;
  filter();
  choose();
  drawChips();
  const unsubscribe = subscribe(["lines", "skipped"], () => {
    list.update(data.lines);
    drawChips();
    say();
  });
  return () => {
    unsubscribe();
    other?.end();
    list.end();
  };
}

function openLine(line) {
  let record = "";
  try {
    record = JSON.stringify(JSON.parse(line.text), null, 2);
  } catch {
    // it is no JSON
  }
  openPanel(
    "Line",
    h(
      "div",
      {},
      heading(
        nameOf(line),
        h("span", {}, clock(line.at)),
        h("span", {}, line.s === "stderr" ? "standard error" : "standard output"),
        h("a", { href: taskLink(line.task) }, `task ${shortId(line.task)}`),
      ),
      section("Line", h("pre", { class: "wrap", tabindex: 0 }, printed(line.text))),
      record && section("As JSON", h("pre", { class: "wrap", tabindex: 0 }, record)),
    ),
  );
}
