// Who calls whom, drawn from left to right: a node a service, an edge with its calls.

import { card, count, duration, h, s } from "./dom.js";

const [WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE, APART] = [126, 44, 84, 40, 20, 7];

/** How far each name is from where calls begin; a circle ends where it began. */
export function columnsOf(edges) {
  const names = [...new Set(edges.flatMap((one) => [one.source, one.target]))];
  const called = new Set(edges.filter((one) => one.source !== one.target).map((one) => one.target));
  const column = new Map(names.filter((name) => !called.has(name)).map((name) => [name, 0]));
  if (!column.size && names.length) column.set(names[0], 0);
  for (let round = 0; round < names.length; round++) {
    for (const { source, target } of edges) {
      const next = (column.get(source) ?? -1) + 1;
      if (
        column.has(source) && next < names.length &&
        (!column.has(target) ||
          ((column.get(target) ?? 0) < next && round < names.length - 1 && !leadsTo(edges, target, source)))
      ) column.set(target, next);
    }
  }
  for (const name of names) if (!column.has(name)) column.set(name, 0);
  return column;
}

function leadsTo(edges, from, to, seen = new Set()) {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return edges.some((one) => one.source === from && leadsTo(edges, one.target, to, seen));
}

/** The map of the edges that an answer about traces has. */
export function callMap(edges) {
  const column = columnsOf(edges);
  const rows = new Map();
  const place = new Map();
  for (const [name, at] of column) {
    const row = rows.get(at) ?? 0;
    rows.set(at, row + 1);
    place.set(name, { x: EDGE + at * (WIDTH + GAP_X), y: EDGE + row * (HEIGHT + GAP_Y) });
  }
  const width = (Math.max(...column.values()) + 1) * (WIDTH + GAP_X) - GAP_X + 2 * EDGE;
  const height = Math.max(...rows.values()) * (HEIGHT + GAP_Y) - GAP_Y + 2 * EDGE;
  const failed = (name) => edges.some((one) => one.target === name && one.fault > 0);
  const answered = (edge) => edges.some((one) => one.source === edge.target && one.target === edge.source);
  const many = (name) => edges.filter((one) => one.source === name || one.target === name).length;
  const labelled = (one) => place.get(many(one.source) < many(one.target) ? one.source : one.target);
  const inferred = (name) => edges.some((one) => one.target === name && one.inferred);
  return card(
    "Map",
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Map of calls" },
      s(
        "svg",
        {
          class: "calls",
          width,
          height,
          viewBox: `0 0 ${width} ${height}`,
          role: "img",
          "aria-label": edges.map((one) => `${one.source} calls ${one.target} ${count(one.count)} times`).join(", "),
        },
        edges.filter((one) => one.source !== one.target).map((one) =>
          edgeOf(one, place.get(one.source), place.get(one.target), answered(one), labelled(one))
        ),
        [...place].map(([name, { x, y }]) =>
          s(
            "g",
            { class: failed(name) ? "bad" : "" },
            s("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 9, class: inferred(name) ? "inferred" : "" }),
            s(
              "text",
              { x: x + WIDTH / 2, y: y + HEIGHT / 2 + 5, "text-anchor": "middle" },
              name.length > 16 ? `${name.slice(0, 15)}…` : name,
            ),
          )
        ),
      ),
    ),
  );
}

/** An edge with its calls: where there is one each way, each has its labels on its own side. They are in the row of the
 * end that has fewer edges, `beside`: there no other edge's are. */
function edgeOf(one, from, to, both, beside) {
  const forward = to.x > from.x;
  const aside = forward ? (both ? -APART : 0) : APART;
  const [x1, y1] = [forward ? from.x + WIDTH : from.x, from.y + HEIGHT / 2 + aside];
  const [x2, y2] = [forward ? to.x - 7 : to.x + WIDTH + 7, to.y + HEIGHT / 2 + aside];
  const bend = (x2 - x1) / 2;
  const text = `${count(one.count)}${one.p50 === null ? "" : ` × ${duration(one.p50 * 1000)}`}`;
  const failed = one.fault > 0 && `${count(one.fault)} failed`;
  const [above, below] = forward ? (both && failed ? [-21, -5] : [-6, 14]) : [14, 30];
  const label = (words, away) =>
    s("text", { x: (x1 + x2) / 2, y: beside.y + HEIGHT / 2 + aside + away, "text-anchor": "middle" }, words);
  return s(
    "g",
    { class: one.fault ? "edge bad" : "edge" },
    s("path", { d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` }),
    s("path", { class: "head", d: `M${x2},${y2 - 4} l${forward ? 7 : -7},4 l${forward ? -7 : 7},4 z` }),
    label(text, above),
    failed && label(failed, below),
  );
}
