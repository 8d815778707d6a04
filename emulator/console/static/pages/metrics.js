// Metrics: CPU and memory of each task's containers, sampled while this page is open.

import { area } from "../charts.js";
import { clock, colourOf, empty, h, head, muted, replaced, shortId } from "../dom.js";
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
    head(
      "Metrics",
      muted("sampled every 2 s while this page is open"),
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
  const figure = (label, at, digits, unit, least, of) => {
    const sums = samples.map((one) =>
      names.reduce((total, name) => total + (one.c[`${service}/${task}/${name}`]?.[at] ?? 0), 0)
    );
    return h(
      "figure",
      {},
      h(
        "figcaption",
        {},
        label,
        h("strong", {}, `${sum(at).toFixed(digits)} ${unit}`),
        muted(of),
      ),
      area(series(at), from, until, `${label} of ${service} ${shortId(task)}`, Math.max(least, ...sums), unit),
    );
  };
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
        muted(" no longer runs"),
    ),
    h(
      "div",
      { class: "pair" },
      figure(
        "CPU",
        0,
        1,
        "%",
        10,
        cpu ? `of a core; the task has ${cpu} units, ${Math.round(Number(cpu) / 10.24)} %` : "of a core",
      ),
      figure("Memory", 1, 0, "MiB", 16, memory ? `of the task’s ${memory} MiB` : ""),
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
          muted(`${last(name)[0].toFixed(1)} %, ${last(name)[1].toFixed(0)} MiB`),
        )
      ),
    ),
  );
}
