// A trace's spans over time, with containers' lines and what was raised beneath them.

import { axis, track } from "./charts.js";
import { badge, clock, colourOf, duration, facts, h, muted } from "./dom.js";
import { statusTone } from "./requests.js";

const TONES = { fault: "bad", error: "wait", throttle: "wait", "in progress": "idle" };

/** The spans as rows of `{span, depth}`: each below its parent, siblings by their start. */
export function ordered(spans) {
  const known = new Set(spans.map((one) => one.span));
  const children = new Map();
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const parent = known.has(span.parent) && span.parent !== span.span ? span.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows = [];
  const seen = new Set();
  const walk = (parent, depth) => {
    for (const span of children.get(parent) ?? []) {
      if (seen.has(span.span)) continue;
      seen.add(span.span);
      rows.push({ span, depth });
      walk(span.span, depth + 1);
    }
  };
  walk("", 0);
  for (const span of spans) if (!seen.has(span.span)) rows.push({ span, depth: 0 }); // each names the other as its parent
  return rows;
}

/** The waterfall of an answer about one trace, and its lines. */
export function spansView({ trace, spans, requests, lines }) {
  const from = Math.min(trace.time, ...requests.map((one) => one.time));
  const to = Math.max(trace.time + trace.duration, ...requests.map((one) => one.time + one.duration));
  const whole = Math.max(to - from, 0.0001);
  const row = (depth, name, title, start, end, colour, state) => [
    h("span", { class: "name", style: { paddingLeft: `${Math.min(depth, 8) * 10}px` }, title }, name),
    track((start - from) / whole, ((end ?? to) - start) / whole, colour),
    state,
    h("span", { class: "right" }, end === null ? "…" : duration((end - start) * 1000)),
  ];
  return h(
    "div",
    { class: "hops" },
    h(
      "div",
      { class: "waterfall" },
      axis(whole * 1000),
      requests.map((one) =>
        row(
          0,
          h("em", {}, "load balancer"),
          `${one.method} ${one.url}`,
          one.time,
          one.time + one.duration,
          "var(--muted)",
          badge(statusTone(one.status), one.status),
        )
      ),
      ordered(spans).map(({ span, depth }) =>
        row(
          depth,
          [muted(`${span.service} `), span.name === span.service ? "" : span.name],
          span.name,
          span.start,
          span.end,
          colourOf(span.service),
          span.status !== null || TONES[span.state]
            ? badge(TONES[span.state] ?? "ok", span.status ?? span.state)
            : h("span"),
        )
      ),
    ),
    lines.length > 0 && h(
      "div",
      {},
      h("h3", {}, "Lines that name this trace"),
      lines.map((one) =>
        h(
          "p",
          { class: "change" },
          muted(`${clock(one.time * 1000)} ${one.container} `),
          one.text,
        )
      ),
    ),
    ordered(spans).map(({ span }) => detailOf(span)),
  );
}

function detailOf(span) {
  const said = [["kind", span.kind], ["status", span.status], ["from", span.workload], [
    "why it is lost when deployed",
    span.lost,
  ]].filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  const detail = JSON.stringify(span.detail ?? {}, null, 2);
  return h(
    "details",
    {},
    h("summary", {}, `${span.service}: ${span.name}`),
    facts(said),
    detail !== "{}" && h("pre", { class: "wrap", tabindex: 0 }, detail),
  );
}
