// FireLens: what the log router is told, by ECS and here, why they differ, and what it did.

import { card, count, h, prose, shortId, table } from "../dom.js";
import { servicePage } from "../service.js";
import { ROUTER } from "../tasks.js";

const EVERY = 5000; // ms between two looks at the counters

export function show(main, query) {
  return servicePage(main, query, {
    page: "firelens",
    title: "FireLens",
    under: "what the log router is told, and what it did",
    live: "router",
    every: EVERY,
    fits: (one) => one.containers.includes(ROUTER),
    none: "No service that runs here has a log router: `logging:` with a `destination:` in its manifest adds one.",
    draw,
  });
}

function draw({ ecs, path, local, differences, counters }) {
  return h(
    "div",
    { class: "stack" },
    countersView(counters),
    differences.length > 0 &&
      card("Why they differ", h("ol", { class: "reasons" }, differences.map((one) => h("li", {}, prose(one.reason))))),
    h(
      "div",
      { class: "beside" },
      fileView("What ECS generates", ecs, differences.map((one) => one.ecs), "minus"),
      fileView(["In use here: ", h("code", {}, path)], local, differences.map((one) => one.local), "plus"),
    ),
  );
}

/** A file, line by line; a line that is in one of the file alone has the number of its reason. */
function fileView(title, text, sides, kind) {
  const reasons = new Map();
  sides.forEach((lines, at) => lines.forEach((line) => reasons.has(line.trim()) || reasons.set(line.trim(), at + 1)));
  return card(
    title,
    h(
      "div",
      {
        class: "scroll",
        tabindex: 0,
        role: "region",
        "aria-label": kind === "minus" ? "Configuration of ECS" : "Configuration in use",
      },
      h(
        "div",
        { class: "file" },
        text.trim().split("\n").map((line) => {
          const number = line.trim() && reasons.get(line.trim());
          return h(
            "p",
            { class: number ? `change ${kind}` : "" },
            line || " ",
            number && h("span", { class: "tag" }, number),
          );
        }),
      ),
    ),
  );
}

/** What was counted first: most counters of a plugin are zero. */
function numbersOf(numbers) {
  return Object.entries(numbers).sort(([, one], [, other]) => Number(Boolean(other)) - Number(Boolean(one)));
}

function saidOf(number) {
  return typeof number === "number" ? count(number) : number;
}

function countersView(counters) {
  if (!counters.length) {
    return card("Records through the router", h("p", { class: "bar muted" }, "No log router of this service runs."));
  }
  // An input `storage_backlog` counts a second time what an earlier run of the router had taken.
  const total = (kind, names, of = "") =>
    counters.flatMap((one) => Object.entries(one.counters?.[kind] ?? {})).filter(([plugin]) => plugin.startsWith(of))
      .map(([, numbers]) => numbers).reduce(
        (sum, plugin) => sum + names.reduce((most, name) => most + (plugin[name] ?? 0), 0),
        0,
      );
  const tiles = [
    ["In, by containers", total("input", ["records"], "forward"), ""],
    ["Dropped by filters", total("filter", ["drop_records"]), "wait"],
    ["Out, to destinations", total("output", ["proc_records"]), ""],
    ["Failed", total("output", ["dropped_records", "retries_failed"]), "bad"],
  ];
  const rows = counters.flatMap((one) =>
    Object.entries(one.counters ?? {}).flatMap(([kind, plugins]) =>
      Object.entries(plugins).map(([plugin, numbers]) => [one.task, kind, plugin, numbers])
    )
  );
  return card(
    [
      "Records through the router",
      h("span", { class: "muted small" }, "Fluent Bit’s own counters, since it started"),
      h("a", { class: "small", href: "#/logs?view=compared" }, "line by line"),
    ],
    h(
      "div",
      { class: "tiles bar" },
      tiles.map(([label, number, tone]) =>
        h(
          "div",
          { class: "card tile" },
          h("p", { class: "label" }, label),
          h("p", { class: `big ${number ? tone : ""} toned` }, count(number)),
        )
      ),
    ),
    counters.filter((one) => one.problem).map((one) => h("p", { class: "note" }, one.problem)),
    table(
      "Counters",
      ["Task", "Kind", "Plugin", "Counters"],
      rows.map(([task, kind, plugin, numbers]) => [
        h("code", {}, shortId(task)),
        kind,
        h("code", {}, plugin),
        numbersOf(numbers).map(([name, number]) =>
          h("span", { class: number ? "counter" : "counter muted" }, `${name} ${saidOf(number)}`)
        ),
      ]),
    ),
  );
}
