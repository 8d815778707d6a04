// The map: from the load balancer's rules to services and their tasks, and what the services use.

import { colourOf, dot, h, icon, muted, s, shortId } from "./dom.js";
import { taskLink } from "./panel.js";
import { listenerOf, recent } from "./requests.js";
import { data } from "./store.js";
import { containerTone, ROUTER } from "./tasks.js";

const RATE = 10; // seconds that a rate is measured over

/** @param {import("./store.js").Overview} overview */
export function mapView({ containers, services, listeners }) {
  if (!services.length) return h("div");
  const found = recent(data.access, RATE);
  const rate = (rule) =>
    found.found.filter((one) =>
      one.record.matched_rule_priority === rule.priority && one.service === rule.service &&
      listenerOf(one) === rule.listener
    ).length / found.seconds;
  const rules = data.rules.filter((rule) =>
    rule.listener === "HTTP" || listeners.some((one) => one.protocol === "HTTPS" && !one.service)
  );
  const others = containers.filter((row) => !row.service && !["agent", "front", "internal-front"].includes(row.name));
  return h(
    "section",
    { class: `card map ${others.length ? "" : "narrow"} ${rules.length ? "" : "plain-map"}`, "aria-label": "Map" },
    h("h2", { class: "unseen" }, "Map"),
    s("svg", { class: "edges", "aria-hidden": "true" }),
    h(
      "div",
      { class: "column" },
      rules.length > 0 &&
        h(
          "div",
          { class: "node balancer" },
          h("h3", {}, icon("balancer"), "Load balancer"),
          listeners.filter((one) => !one.service).map((one) =>
            h("p", { class: "muted" }, h("code", {}, one.url.replace(/^https?:\/\//, "")))
          ),
          h("ul", {}, rules.map((rule) => ruleView(rule, rate(rule)))),
        ),
    ),
    h("div", { class: "column wide" }, services.map((service) => serviceView(service, containers))),
    others.length > 0 && h(
      "div",
      { class: "column" },
      others.map((row) =>
        h(
          "div",
          { class: "node" },
          h("h3", {}, dot(containerTone(row), row.state), row.name),
          h("p", { class: "muted" }, row.url.startsWith("http") ? row.url : row.status),
        )
      ),
    ),
  );
}

function ruleView(rule, rate) {
  const path = rule.conditions.find((one) => one.startsWith("path-pattern "))?.slice(13).split(" or ")[0] ??
    rule.conditions[0] ?? "";
  return h(
    "li",
    {
      class: "rule",
      "data-to": rule.action === "forward" ? rule.service : undefined,
      "data-rate": rate > 0 ? "some" : "none",
      title: `${rule.priority}: ${rule.conditions.join(", ")}`,
    },
    h("code", {}, path),
    muted(rule.action !== "forward" ? rule.action : rate > 0 ? `${rate.toFixed(1)}/s` : "–"),
  );
}

function serviceView(service, containers) {
  const tasks = new Map();
  for (const row of containers) {
    if (row.service !== service.name || row.name === "pause") continue;
    tasks.set(row.task_id, [...(tasks.get(row.task_id) ?? []), row]);
  }
  const enough = service.running_count >= service.desired_count;
  return h(
    "div",
    { class: "node service", "data-service": service.name },
    h(
      "h3",
      {},
      service.name,
      muted(data.services[service.name]?.type.toLowerCase()),
      h("span", { class: "space" }),
      h(
        "span",
        { class: "nowrap" },
        `${service.running_count}/${service.desired_count} `,
        dot(enough ? "ok" : "wait", enough ? "as many tasks as desired" : "fewer tasks than desired"),
      ),
    ),
    h(
      "div",
      { class: "tasks" },
      [...tasks].map(([id, rows]) =>
        h(
          "a",
          {
            class: "task",
            href: taskLink(id),
            "data-k": `map-${id}`,
            "aria-label": `Task ${shortId(id)} of ${service.name}`,
          },
          h("code", {}, shortId(id)),
          rows.map((row) =>
            h(
              "span",
              { class: "member" },
              h("span", { class: "swatch", style: { background: colourOf(row.name) } }),
              row.name === ROUTER ? "log router" : row.name,
              muted(row.ports.map((port) => `:${port.split("/")[0]}`).join(" ")),
              h("span", { class: "space" }),
              dot(containerTone(row), row.health || row.state),
            )
          ),
        )
      ),
    ),
  );
}

/** The lines from rules to services, once both have their places. */
export function drawEdges(main) {
  const map = main.querySelector(".map");
  const drawing = map?.querySelector(".edges");
  if (!drawing) return;
  const origin = map.getBoundingClientRect();
  const paths = [];
  for (const rule of map.querySelectorAll(".rule[data-to]")) {
    const target = map.querySelector(`[data-service="${CSS.escape(rule.dataset.to)}"]`);
    if (!target) continue;
    const [from, to] = [rule.getBoundingClientRect(), target.getBoundingClientRect()];
    if (to.left - from.right < 8) continue; // one below the other: the order says it
    const [x1, y1, x2, y2] = [
      from.right - origin.left + 6,
      from.top + from.height / 2 - origin.top,
      to.left - origin.left,
      to.top + 22 - origin.top,
    ];
    const bend = (x2 - x1) / 2;
    paths.push(
      s("path", { class: rule.dataset.rate, d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` }),
    );
  }
  drawing.replaceChildren(...paths);
}
