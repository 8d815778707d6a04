// Requests: what came to the load balancer, from its access log, and the hops of each while they are traced.

import { badge, button, clock, duration, empty, facts, h, head, muted, ofAll, section } from "../dom.js";
import { Chosen, matcher, oneOf, pauser, search, skippedNote } from "../filters.js";
import { List } from "../list.js";
import { heading, openPanel } from "../panel.js";
import { request, statusTone } from "../requests.js";
import { harOf, save } from "../har.js";
import { data, subscribe } from "../store.js";
import { captureButton, hopsOf, hopsView } from "../hops.js";

const SLOW = 500; // ms
/** How long the bar of a duration is, in percent, on a logarithmic scale to 10 s. */
function share(ms) {
  return Math.min((Math.log10(Math.max(ms, 0) + 1) / 4) * 100, 100);
}

export function show(main, query) {
  const chosen = new Chosen("requests", query, { q: "", status: "all", service: "", slow: "" });
  const list = new List({
    label: "Requests",
    height: 30,
    columns: "100px 64px minmax(100px, 1fr) 74px minmax(60px, 110px) 60px 150px",
    draw: (record) => {
      const one = request(record);
      const hops = hopsOf(one.trace);
      return [
        muted(clock(one.began)),
        h("strong", {}, one.method),
        h("code", { class: "cut", title: one.url }, one.path || "-"),
        h("span", {}, badge(statusTone(one.status), one.status)),
        one.service || "–",
        muted(hops ? `${hops.hops.length} hops` : ""),
        h(
          "span",
          { class: "bar-cell" },
          h("span", { class: "bar-line" }, h("span", { style: { width: `${share(one.ms)}%` } })),
          h("span", {}, duration(one.ms)),
        ),
      ];
    },
    open: (record) => openRequest(request(record)),
  });
  const total = muted();
  const missed = h("p", { class: "note" });
  const services = h("select", {
    "aria-label": "Service",
    onchange: (event) => {
      chosen.set("service", event.target.value);
      filter();
    },
  }, h("option", { value: "" }, "All services"));
  const slow = h("input", {
    type: "checkbox",
    checked: chosen.get("slow") === "1",
    onchange: (event) => {
      chosen.set("slow", event.target.checked ? "1" : "");
      filter();
    },
  });
  const filter = () => {
    const [matches, status, service] = [matcher(chosen.get("q")), chosen.get("status"), chosen.get("service")];
    list.filter((record) => {
      const one = request(record);
      return (status === "all" || Math.floor(one.status / 100) === Number(status)) &&
        (!service || one.service === service) && (!chosen.get("slow") || one.ms > SLOW) &&
        matches(`${one.method} ${one.path} ${one.trace} ${record.client}`);
    });
    say();
  };
  const none = empty("No request has come to the load balancer yet.");
  const say = () => {
    total.textContent = ofAll(list.kept.length, data.access.items.length, "request");
    missed.textContent = skippedNote(data, "access", "requests");
    none.hidden = data.access.items.length > 0;
  };
  const known = new Set();
  const drawServices = () => {
    for (const { name } of data.overview?.services ?? []) {
      if (known.has(name)) continue;
      known.add(name);
      services.append(h("option", { value: name, selected: chosen.get("service") === name }, name));
    }
  };
  const capture = captureButton();
  main.append(
    head(
      "Requests",
      total,
      h("span", { class: "space" }),
      button("HAR", () => save(harOf(list.kept.map((one) => request(one.item))), "requests.har"), {
        key: "har",
        title: "Save the requests that are shown as an HTTP archive",
      }),
      capture.element,
      pauser(list),
    ),
    h(
      "section",
      { class: "card grows" },
      h(
        "div",
        { class: "row bar" },
        search(chosen, "q", "Path, trace id, client", filter),
        oneOf(
          chosen,
          "status",
          "Status",
          [["all", "All"], ["2", "2xx"], ["3", "3xx"], ["4", "4xx"], ["5", "5xx"]],
          filter,
        ),
        services,
        h("label", { class: "row" }, slow, `slower than ${SLOW} ms`),
      ),
      missed,
      none,
      list.withHeads("Time", "Method", "Path", "Status", "Service", "Hops", "Duration (log)"),
    ),
  );
  list.ring = data.access;
  drawServices();
  filter();
  const unsubscribe = subscribe(["access", "skipped", "overview", "traces", "capture"], (changed) => {
    if (changed.has("overview")) drawServices();
    if (changed.has("capture")) capture.draw();
    if (changed.has("traces")) list.redraw();
    list.update(data.access);
    say();
  });
  return () => {
    unsubscribe();
    list.end();
  };
}

function openRequest(one) {
  const { record } = one;
  const hops = hopsOf(one.trace);
  const again = new URLSearchParams({ method: one.method, url: one.url });
  const quoted = one.url.replaceAll("'", "%27");
  openPanel(
    "Request",
    h(
      "div",
      {},
      heading(
        [one.method, " ", h("code", {}, one.path)],
        badge(statusTone(one.status), one.status),
        duration(one.ms),
        clock(one.began),
      ),
      h(
        "div",
        { class: "row actions" },
        h("a", { class: "button", href: `#/balancer?${again}` }, "Explain, send again"),
        button("Copy as curl", () => navigator.clipboard.writeText(`curl -i -X ${one.method} '${quoted}'`)),
      ),
      hops && section("Hops", hopsView(hops)),
      section(
        "As the load balancer saw it",
        facts(Object.entries(record).map(([name, value]) => [name.replaceAll("_", " "), value])),
      ),
    ),
  );
}
