// Metrics: CPU and memory of each task's containers, sampled while this page is open.

import { area } from "../charts.js";
import { clock, colourOf, empty, h, replaced, shortId } from "../dom.js";
import { Chosen, oneOf } from "../filters.js";
import { taskLink } from "../panel.js";
import { data, leave, subscribe, want } from "../store.js";

const SPANS = [["60", "1 min"], ["300", "5 min"], ["600", "10 min"]];

export function show(main, query) {
  const chosen = new Chosen("metrics", query, { span: "300" });
  let content = h("div", {}, waiting());
  const update = () => {
    content = replaced(content, draw(Number(chosen.get("span"))));
  };
  main.append(
    h(
      "header",
      { class: "head" },
      h("h1", { tabindex: -1 }, "Metrics"),
      h("span", { class: "muted" }, "sampled every 2 s while this page is open"),
      h("span", { class: "space" }),
      oneOf(chosen, "span", "Time shown", SPANS, update),
    ),
    content,
  );
  want("metrics");
  update();
  const unsubscribe = subscribe(["metrics", "overview", "services"], update);
  const watcher = new ResizeObserver(update);
  watcher.observe(main);
  return () => {
    unsubscribe();
    watcher.disconnect();
    leave("metrics");
  };
}

function nothingRuns() {
  return data.overview !== null && !data.overview.containers.length;
}

function waiting() {
  return empty(nothingRuns() ? "Nothing is running." : "The first sample comes in a few seconds …");
}

function draw(seconds) {
  const last = data.metrics.items.at(-1);
  if (!last) return h("div", {}, waiting());
  const until = Date.parse(last.at);
  const from = until - seconds * 1000;
  const samples = data.metrics.items.filter((one) => Date.parse(one.at) >= from);
  const tasks = new Map();
  for (const sample of samples) {
    for (const key of Object.keys(sample.c)) {
      const [service, task, container] = key.split("/");
      const id = `${service}/${task}`;
      if (!tasks.has(id)) tasks.set(id, { service, task, containers: new Set() });
      tasks.get(id).containers.add(container);
    }
  }
  const found = [...tasks.values()].sort((one, other) =>
    `${one.service}/${one.task}`.localeCompare(`${other.service}/${other.task}`)
  );
  return h(
    "div",
    { class: "stack" },
    nothingRuns() && empty(`Nothing is running. The last sample is of ${clock(last.at)}.`),
    h("div", { class: "multiples" }, found.map((one) => taskView(one, samples, from, until))),
  );
}

function taskView({ service, task, containers }, samples, from, until) {
  const names = [...containers].sort();
  const series = (at) =>
    names.map((name) => ({
      name,
      colour: colourOf(name),
      points: samples.filter((one) => one.c[`${service}/${task}/${name}`]).map((
        one,
      ) => [Date.parse(one.at), one.c[`${service}/${task}/${name}`][at]]),
    }));
  const last = (name) =>
    samples.findLast((one) => one.c[`${service}/${task}/${name}`])?.c[`${service}/${task}/${name}`] ?? [0, 0];
  const sum = (at) => names.reduce((total, name) => total + last(name)[at], 0);
  const { memory, cpu } = data.services[service] ?? {};
  return h(
    "section",
    { class: "card" },
    h(
      "h2",
      {},
      service,
      " ",
      h("a", { href: taskLink(task), "data-k": `metrics-${task}` }, h("code", {}, shortId(task))),
      data.overview && !data.overview.containers.some((one) => one.task_id === task) &&
        h("span", { class: "muted" }, " no longer runs"),
    ),
    h(
      "div",
      { class: "pair" },
      h(
        "figure",
        {},
        h(
          "figcaption",
          {},
          "CPU",
          h("strong", {}, `${sum(0).toFixed(1)} %`),
          h(
            "span",
            { class: "muted" },
            cpu ? `of a core; the task has ${cpu} units, ${Math.round(Number(cpu) / 10.24)} %` : "of a core",
          ),
        ),
        area(
          series(0),
          from,
          until,
          `CPU of ${service} ${shortId(task)}`,
          Math.max(
            10,
            ...samples.map((one) =>
              names.reduce((total, name) => total + (one.c[`${service}/${task}/${name}`]?.[0] ?? 0), 0)
            ),
          ),
          "%",
        ),
      ),
      h(
        "figure",
        {},
        h(
          "figcaption",
          {},
          "Memory",
          h("strong", {}, `${sum(1).toFixed(0)} MiB`),
          h("span", { class: "muted" }, memory ? `of the task’s ${memory} MiB` : ""),
        ),
        area(
          series(1),
          from,
          until,
          `Memory of ${service} ${shortId(task)}`,
          Math.max(
            16,
            ...samples.map((one) =>
              names.reduce((total, name) => total + (one.c[`${service}/${task}/${name}`]?.[1] ?? 0), 0)
            ),
          ),
          "MiB",
        ),
      ),
    ),
    h(
      "ul",
      { class: "legend" },
      names.map((name) =>
        h(
          "li",
          {},
          h("span", { class: "swatch", style: { background: colourOf(name) } }),
          name,
          h("span", { class: "muted" }, `${last(name)[0].toFixed(1)} %, ${last(name)[1].toFixed(0)} MiB`),
        )
      ),
    ),
  );
}
