// Drawings. They are made at the width that they have, so that their words keep their size.

import { duration, h, s } from "./dom.js";

/** Numbers as a line with an area below. */
export function sparkline(numbers, label, width = 160, height = 28) {
  const most = Math.max(...numbers, 1);
  const points = numbers.map((number, at) =>
    `${((at * width) / Math.max(numbers.length - 1, 1)).toFixed(1)},${
      (height - 2 - (number / most) * (height - 4)).toFixed(1)
    }`
  );
  return s(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label,
    },
    s("polygon", { points: `0,${height} ${points.join(" ")} ${width},${height}` }),
    s("polyline", { points: points.join(" ") }),
  );
}

const WORDS = {
  PROVISIONING: "idle",
  PENDING: "wait",
  ACTIVATING: "wait",
  RUNNING: "ok",
  DEACTIVATING: "wait",
  STOPPING: "wait",
  DEPROVISIONING: "wait",
  STOPPED: "idle",
};

/** From nothing to so many milliseconds, above a waterfall. */
export function axis(ms) {
  return h("div", { class: "axis muted" }, h("span", {}, "0"), h("span", {}, duration(ms)));
}

/** A bar of a waterfall: where it begins and how long it is, as shares of the whole. */
export function track(begins, share, colour) {
  const style = { left: `${begins * 100}%`, width: `${Math.max(share * 100, 0.5)}%`, background: colour };
  return h("span", { class: "track" }, h("span", { style }));
}

/** States over time: `rows` of `{name, colour, spans: [{from, to, state}]}`, all between two moments. */
export function timeline(rows, from, to) {
  const whole = Math.max(to - from, 1);
  return h(
    "div",
    { class: "timeline" },
    rows.map(({ name, colour, spans }) => [
      h("span", { class: "name" }, colour && h("span", { class: "swatch", style: { background: colour } }), name),
      h(
        "span",
        { class: "bar" },
        spans.map((span) =>
          h("span", {
            class: `span ${WORDS[span.state] ?? "idle"}`,
            title: `${span.state} for ${((span.to - span.from) / 1000).toFixed(2)} s`,
            style: {
              left: `${((span.from - from) / whole) * 100}%`,
              width: `${((span.to - span.from) / whole) * 100}%`,
            },
          }, h("span", {}, span.state.toLowerCase()))
        ),
      ),
    ]),
  );
}

/** Series over time, each on top of the one before: `series` of `{name, colour, points: [[ms, number]]}`. */
export function area(series, from, until, label, most, unit, width = 360, height = 96) {
  const x = (at) => ((at - from) / Math.max(until - from, 1)) * width;
  const y = (value) => height - 1 - (value / most) * (height - 16);
  const below = new Map();
  const shapes = series.filter((one) => one.points.length > 1).map((one) => {
    const points = one.points.map(([at, value]) => {
      const base = below.get(at) ?? 0;
      below.set(at, base + value);
      return [x(at), base, base + value];
    });
    const top = points.map(([at, , value]) => `${at.toFixed(1)},${y(value).toFixed(1)}`);
    const bottom = points.map(([at, base]) => `${at.toFixed(1)},${y(base).toFixed(1)}`).reverse();
    return [
      s("polygon", { points: [...top, ...bottom].join(" "), fill: one.colour }),
      s("polyline", { points: top.join(" "), stroke: one.colour }),
    ];
  });
  return h(
    "div",
    { class: "area" },
    s(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
      s("line", { x1: 0, x2: width, y1: y(most), y2: y(most) }),
      shapes,
    ),
    h("span", { class: "most muted" }, `${most < 10 ? most.toFixed(1) : Math.round(most)} ${unit}`),
  );
}
