// Printed and routed side by side: a line of a container, and the record that its destination got of it.

import { badge, clock, colourOf, count, cut, empty, h, muted, printed, section, sentence, shortId } from "./dom.js";
import { matcher, oneOf } from "./filters.js";
import { List } from "./list.js";
import { heading, openPanel, taskLink } from "./panel.js";
import { answer, regularly, Ring } from "./store.js";

const EVERY = 3000; // ms
const MOST = 4000;
const TONES = { routed: "ok", changed: "ok", "under way": "wait", dropped: "idle", lost: "bad", "not counted": "idle" };
const STATES = [["all", "All"], ["routed", "Routed"], ["changed", "Changed"], ["dropped", "Dropped"], ["lost", "Lost"]];

/** The record without what every record of a container has: what is worth a look in a narrow column. */
export function shortRecord(record) {
  try {
    const { log, ...others } = JSON.parse(record);
    const added = Object.keys(others).filter((name) =>
      !["container_id", "container_name", "source", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"].includes(name)
    );
    const text = typeof log === "string" ? log : JSON.stringify(log === undefined ? others : log);
    return added.length && log !== undefined
      ? `${text}  ${added.map((name) => `${name}=${JSON.stringify(others[name])}`).join(" ")}`
      : text;
  } catch {
    return record;
  }
}

/** The view: its element, `filter()` for what is chosen, `end()`. */
export function comparedView(chosen) {
  const several = new Set();
  const list = new List({
    label: "Printed and routed",
    height: 22,
    columns: "96px minmax(90px, 130px) minmax(120px, 1fr) 104px minmax(120px, 1fr)",
    draw: (
      row,
    ) => [
      muted(clock(row.at)),
      h("span", { style: { color: colourOf(row.container) }, title: `task ${shortId(row.task)}` }, nameOf(row)),
      h("span", { class: "text" }, cut(printed(row.text))),
      h("span", {}, badge(TONES[row.state], row.state)),
      h(
        "span",
        { class: row.record ? "text" : "muted", title: row.why },
        row.record
          ? `${several.size > 1 && row.destination !== row.service ? `${row.destination}: ` : ""}${
            cut(printed(shortRecord(row.record)))
          }`
          : row.why,
      ),
    ],
    tone: (row) => (row.state === "lost" ? "bad" : row.state === "dropped" ? "faint" : ""),
    open: openRow,
  });
  const totals = muted();
  const problem = h("p", { class: "note" });
  const none = empty("Looking …");
  let asked = 0;
  const keep = () => {
    const [matches, state, only] = [matcher(chosen.get("q")), chosen.get("state"), chosen.get("only")];
    const names = new Set(only ? only.split(",") : []);
    return (row) =>
      (state === "all" || row.state === state) && (!names.size || names.has(nameOf(row))) &&
      (!chosen.get("task") || row.task === chosen.get("task")) && (matches(row.text) || matches(row.record));
  };
  const look = async () => {
    const number = ++asked;
    try {
      const found = await answer("compared", {});
      if (number !== asked) return;
      several.clear();
      for (const row of found.rows) several.add(row.destination);
      const ring = new Ring(MOST);
      ring.add(found.rows);
      list.swap(ring, keep());
      totals.textContent = Object.entries(found.totals).map(([state, many]) => `${count(many)} ${state}`).join(", ");
      none.hidden = found.rows.length > 0;
      none.textContent = "No container that runs here logs through a log router.";
      problem.textContent = "";
    } catch (error) {
      if (number === asked) problem.textContent = sentence(error);
    }
  };
  const element = h(
    "section",
    { class: "card grows" },
    h(
      "div",
      { class: "row bar" },
      oneOf(chosen, "state", "State", STATES, () => list.filter(keep())),
      totals,
      muted("the last lines of each container; what comes is looked at every 3 s"),
    ),
    problem,
    none,
    list.withHeads("Time", "Container", "Printed", "", "Routed: what the destination gets"),
  );
  const endLooks = regularly(() => list.paused || look(), EVERY);
  return {
    element,
    list,
    filter: () => list.filter(keep()),
    end: () => {
      endLooks();
      asked++;
      list.end();
    },
  };
}

/** What the container of a line is called. */
export function nameOf(row) {
  return row.service === row.container ? row.container : `${row.service}/${row.container}`;
}

function openRow(row) {
  let record = row.record;
  try {
    record = JSON.stringify(JSON.parse(row.record), null, 2);
  } catch {
    // there is none
  }
  openPanel(
    "Line and record",
    h(
      "div",
      {},
      heading(
        nameOf(row),
        badge(TONES[row.state], row.state),
        h("span", {}, clock(row.at)),
        h("a", { href: taskLink(row.task) }, `task ${shortId(row.task)}`),
      ),
      section("Printed", h("pre", { class: "wrap", tabindex: 0 }, printed(row.text))),
      h(
        "section",
        {},
        h("h3", {}, "Routed", row.destination && ` to ${row.destination}`),
        row.why && h("p", { class: "wrap" }, `Not there: ${row.why}.`),
        record && h("pre", { class: "wrap", tabindex: 0 }, record),
      ),
      h(
        "div",
        { class: "row actions" },
        h(
          "a",
          { class: "button", href: `#/firelens?service=${encodeURIComponent(row.service)}` },
          "The log router’s configuration",
        ),
      ),
    ),
  );
}
