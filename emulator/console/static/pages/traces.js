// Traces that services sent of X-Ray or OpenTelemetry: the list, one as a waterfall, and who calls whom.

import { badge, clock, count, duration, empty, h, head, muted, prose, replaced, sentence, table } from "../dom.js";
import { Chosen, matcher, oneOf, search } from "../filters.js";
import { callMap } from "../callmap.js";
import { heading, openPanel, whenClosed } from "../panel.js";
import { answer, regularly } from "../store.js";
import { spansView } from "../spans.js";

const EVERY = 3000; // ms
const TONES = { ok: "ok", fault: "bad", error: "wait", throttle: "wait", "in progress": "idle" };

export function show(main, query) {
  const chosen = new Chosen("traces", query, { q: "", state: "all", view: "list", trace: "" });
  let content = h("div", {}, empty("Looking …"));
  let found = null;
  let asked = 0;
  const draw = () => {
    if (found) {
      content = replaced(content, chosen.get("view") === "map" ? mapOf(found) : listOf(found, chosen, openOne));
    }
  };
  const look = async () => {
    const number = ++asked;
    let next;
    try {
      next = await answer("traces");
    } catch (error) {
      if (number !== asked) return;
      found = null;
      content = replaced(content, h("div", {}, empty(sentence(error))));
      return;
    }
    if (number !== asked) return;
    found = next;
    draw();
  };
  const openOne = async (id) => {
    chosen.set("trace", id);
    await openTrace(id, () => chosen.set("trace", ""));
  };
  main.append(
    head(
      "Traces",
      muted("what services sent by X-Ray or OpenTelemetry"),
      h("span", { class: "space" }),
      oneOf(chosen, "view", "View", [["list", "List"], ["map", "Map"]], draw),
    ),
    h(
      "div",
      { class: "row" },
      search(chosen, "q", "Name, service, id", draw),
      oneOf(chosen, "state", "State", [["all", "All"], ["failed", "Failed"], ["slow", "Over 500 ms"]], draw),
    ),
    content,
  );
  if (chosen.get("trace")) openOne(chosen.get("trace"));
  const endLooks = regularly(look, EVERY);
  return () => {
    endLooks();
    asked++;
  };
}

function notesOf({ notes }) {
  return notes.map((one) =>
    h(
      "p",
      { class: "finding wait" },
      h("strong", {}, `${one.workload}: `),
      one.text,
      one.count > 1 && ` (${count(one.count)} times)`,
    )
  );
}

function listOf(found, chosen, openOne) {
  if (!found.traces.length) {
    return h(
      "div",
      { class: "stack" },
      empty(
        "No trace has been received yet. ",
        h("code", {}, "copilot-local traces config"),
        " says what receives them; requests without any such code are under Requests.",
      ),
      notesOf(found),
    );
  }
  const matches = matcher(chosen.get("q"));
  const state = chosen.get("state");
  const rows = found.traces.filter((one) =>
    matches(`${one.name} ${one.services.join(" ")} ${one.id} ${one.xray_id}`) &&
    (state !== "failed" || !["ok", "in progress"].includes(one.state)) && (state !== "slow" || one.duration > 0.5)
  );
  const longest = Math.max(...rows.map((one) => one.duration), 0.001);
  return h(
    "div",
    { class: "stack" },
    notesOf(found),
    h(
      "section",
      { class: "card" },
      table(
        "Traces",
        ["Time", "Trace", "Began with", "State", "Services", ["Spans", "number"], "Duration"],
        rows.map((one) => [
          h("td", { class: "muted nowrap" }, clock(one.time * 1000)),
          h("button", {
            type: "button",
            class: "link",
            "data-k": `trace-${one.id}`,
            onclick: () => openOne(one.id),
            title: one.xray_id,
          }, h("code", {}, one.id.slice(0, 12))),
          h("td", { class: "wrap" }, one.name),
          badge(TONES[one.state] ?? "idle", one.status ?? one.state),
          one.services.join(", "),
          one.spans,
          h(
            "span",
            { class: "bar-cell timed" },
            h(
              "span",
              { class: "bar-line" },
              h("span", { style: { width: `${(one.duration / longest) * 100}%` } }),
            ),
            h("span", {}, duration(one.duration * 1000)),
          ),
        ]),
      ),
      rows.length === 0 && h("p", { class: "empty" }, "No trace is like that."),
    ),
  );
}

function mapOf(found) {
  if (!found.edges.length) {
    return h("div", { class: "stack" }, empty("No trace has been received yet."), notesOf(found));
  }
  const ms = (seconds) => (seconds === null ? "–" : duration(seconds * 1000));
  return h(
    "div",
    { class: "stack" },
    notesOf(found),
    callMap(found.edges),
    h(
      "section",
      { class: "card" },
      table(
        "Who calls whom",
        ["From", "To", ...["Calls", "Errors", "Faults", "Median", "95 %"].map((name) => [name, "number"])],
        found.edges.map((one) => [
          one.source,
          [one.target, one.inferred && muted(" (sent no spans itself)")],
          ...[one.count, one.error + one.throttle, one.fault].map(count),
          ...[one.p50, one.p95].map((seconds) => h("td", { class: "number nowrap" }, ms(seconds))),
        ]),
      ),
    ),
  );
}

async function openTrace(id, closed) {
  let content;
  let found = null;
  try {
    found = await answer(`traces/${encodeURIComponent(id)}`);
    content = spansView(found);
  } catch (error) {
    content = h("p", { class: "note bad" }, prose(sentence(error)));
  }
  const title = found ? found.trace.name : `Trace ${id.slice(0, 12)}`;
  openPanel(
    "Trace",
    h(
      "div",
      {},
      heading(
        title,
        found && badge(TONES[found.trace.state] ?? "idle", found.trace.status ?? found.trace.state),
        found && duration(found.trace.duration * 1000),
        found && h("code", {}, found.trace.xray_id),
      ),
      h("section", {}, content),
    ),
  );
  whenClosed(() => location.hash.startsWith("#/traces") && closed());
}
