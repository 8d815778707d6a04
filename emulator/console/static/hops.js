// The hops of a request between containers, as `trace --format json` has them.

import { axis, track } from "./charts.js";
import { badge, button, colourOf, duration, facts, h, muted } from "./dom.js";
import { statusTone } from "./requests.js";
import { answer, data } from "./store.js";

const AGAIN = 20_000; // ms: the server ends a capture that no page has asked for in a minute

/** The trace of a request of the access log, by its trace id; undefined where none was captured. */
export function hopsOf(trace) {
  const root = /Root=([\w-]+)/.exec(trace)?.[1];
  return root && data.traces.items.findLast((one) => one.trace_id === root);
}

let timer = 0;

/** Switches the capture of hops on and off. */
export function captureButton() {
  const draw = () => {
    const { on = false, starting = false, places = [], problem = "" } = data.capture ?? {};
    control.setAttribute("aria-pressed", String(on || starting));
    control.lastChild.textContent = starting
      ? "Starting to trace …"
      : on
      ? `Tracing ${places.length} places`
      : "Trace hops";
    control.title = problem || "Shows the hops of each request between the containers, while this is on";
    if (problem && !on) control.lastChild.textContent = "Trace hops (failed)";
  };
  const ask = (on) => answer("capture", { on }).catch(() => {});
  const control = button("", () => {
    const on = control.getAttribute("aria-pressed") !== "true";
    clearInterval(timer);
    ask(on);
    if (on) timer = setInterval(() => document.hidden || ask(true), AGAIN);
  }, { name: "eye", key: "capture" });
  draw();
  return { element: control, draw };
}

/** A waterfall, and what each hop changed. */
export function hopsView({ hops, diagnoses }) {
  const begins = hops.map((hop) => Date.parse(hop.began));
  const from = Math.min(...begins);
  const whole = Math.max(...hops.map((hop, at) => begins[at] - from + (hop.milliseconds ?? 0)), 0.1);
  return h(
    "div",
    { class: "hops" },
    h(
      "div",
      { class: "waterfall" },
      axis(whole),
      hops.map((hop, at) => [
        h(
          "span",
          { class: "name", title: hop.server, style: { paddingLeft: `${hop.depth * 12}px` } },
          hop.depth > 0 && h("span", { class: "muted", "aria-hidden": "true" }, "↳ "),
          hop.server,
        ),
        track((begins[at] - from) / whole, (hop.milliseconds ?? 0) / whole, colourOf(hop.server.split(":")[0])),
        h(
          "span",
          {},
          hop.status ? badge(statusTone(hop.status), hop.status) : muted(hop.outcome),
        ),
        h("span", { class: "right" }, duration(hop.milliseconds)),
      ]),
    ),
    diagnoses.map((one) =>
      h(
        "p",
        { class: `finding ${one.certain ? "bad" : "wait"}` },
        h("strong", {}, one.message),
        one.hint && h("span", {}, ` ${one.hint}`),
        one.position && h("code", {}, ` ${one.position}`),
      )
    ),
    hops.map((hop) =>
      h(
        "details",
        { open: hops.length < 3 },
        h("summary", {}, `${hop.client} → ${hop.server}`),
        facts(
          [["request", `${hop.method} ${hop.path}`], ["Host", hop.host], ["answer", hop.status ?? hop.outcome], [
            "joined by",
            hop.joined_by,
          ], ["note", hop.note]].filter(([, value]) => value),
        ),
        [["", hop.request_changes], ["↩ ", hop.response_changes]].map(([side, changes]) =>
          changes.map((change) => changeView(side, change))
        ),
      )
    ),
  );
}

/** A header that a hop added, removed or changed. */
function changeView(side, { kind, name, before, after, before_bytes, after_bytes }) {
  return [
    kind !== "added" && h("p", { class: "change minus" }, `− ${side}${name}: ${before ?? `(${before_bytes} bytes)`}`),
    kind !== "removed" && h("p", { class: "change plus" }, `+ ${side}${name}: ${after ?? `(${after_bytes} bytes)`}`),
  ];
}
