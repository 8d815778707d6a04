// Overview: what runs, what is wrong, and how requests come to it.

import { acting } from "../actions.js";
import { sparkline } from "../charts.js";
import {
  ago,
  card,
  count,
  dot,
  duration,
  empty,
  h,
  icon,
  idOf,
  muted,
  plural,
  prose,
  replaced,
  sentence,
  shortId,
  table,
} from "../dom.js";
import { drawEdges, mapView } from "../map.js";
import { taskLink } from "../panel.js";
import { quantile, recent } from "../requests.js";
import { data, now, subscribe } from "../store.js";
import { containerTone, serviceOf, targetBadge, taskTone, whyStopped } from "../tasks.js";

const RECENT = 600_000; // ms that the end of a task is a problem

export function show(main) {
  const title = h("h1", { tabindex: -1 }, "Overview");
  const parts = [tiles, problems, mapView, containersView].map((draw) => ({ draw, at: main.appendChild(h("div")) }));
  main.prepend(title);
  const update = () => {
    for (const part of parts) {
      part.at = replaced(
        part.at,
        data.overview ? part.draw(data.overview) : h("div", {}, part.draw === tiles && waiting()),
      );
    }
    drawEdges(main);
  };
  update();
  const unsubscribe = subscribe(["overview", "tasks", "rules", "services", "trouble", "connection"], update);
  const timer = setInterval(() => !document.hidden && update(), 1000);
  const watcher = new ResizeObserver(() => drawEdges(main));
  watcher.observe(main);
  return () => {
    unsubscribe();
    clearInterval(timer);
    watcher.disconnect();
  };
}

function waiting() {
  return data.trouble ? empty(sentence(data.trouble)) : empty("Looking …");
}

function tile(label, ...content) {
  return h("div", { class: "card tile" }, h("p", { class: "label" }, label), content);
}

/** @param {import("../store.js").Overview} overview */
function tiles({ services, targets, listeners }) {
  const running = services.reduce((sum, one) => sum + one.running_count, 0);
  const wanted = services.reduce((sum, one) => sum + one.desired_count, 0);
  const healthy = targets.filter((one) => one.state === "healthy").length;
  const minute = recent(data.access, 60);
  const bad = (from) => minute.found.filter((one) => one.status >= from && one.status < from + 100).length;
  const wrong = [[500, "5xx"], [400, "4xx"]].filter(([from]) => bad(from)).map(([from, name]) =>
    `${count(bad(from))} × ${name}`
  ).join(", ");
  const times = minute.found.map((one) => one.ms);
  const fronts = listeners.filter((one) => !one.service);
  return h(
    "div",
    { class: "tiles" },
    fronts.length > 0 && tile(
      "Load balancer",
      fronts.map((one) =>
        h(
          "p",
          {},
          h(
            "a",
            { class: "strong", href: one.url, rel: "noreferrer", target: "_blank" },
            one.url.replace(/^https?:\/\//, ""),
          ),
          one.is_internal && " internal",
        )
      ),
      h(
        "p",
        { class: "muted" },
        `${plural(data.rules.length, "rule")}, ${fronts.map((one) => one.protocol).join(" and ")}`,
      ),
    ),
    tile(
      "Tasks running",
      h("p", {}, h("span", { class: "big" }, count(running)), ` of ${count(wanted)}`),
      h("p", { class: "muted" }, plural(services.length, "service")),
    ),
    targets.length > 0 &&
      tile(
        "Targets healthy",
        h("p", {}, h("span", { class: "big" }, count(healthy)), ` of ${count(targets.length)}`),
        h(
          "p",
          { class: "muted" },
          healthy === targets.length ? "none fails its checks" : plural(targets.length - healthy, "other"),
        ),
      ),
    fronts.length > 0 &&
      tile(
        minute.seconds === 60 ? "Requests, last minute" : `Requests, last ${minute.seconds} s`,
        h("p", {}, h("span", { class: "big" }, count(minute.found.length)), " ", wrong),
        sparkline(perSecond(minute.found), "Requests a second"),
      ),
    times.length > 0 &&
      tile(
        "Median answer",
        h("p", { class: "big" }, duration(quantile(times, 0.5))),
        h("p", { class: "muted" }, `95 % within ${duration(quantile(times, 0.95))}`),
      ),
  );
}

function perSecond(found) {
  const last = Math.floor(now() / 1000);
  const numbers = new Array(60).fill(0);
  for (const one of found) {
    const at = 59 - (last - Math.floor(one.ended / 1000));
    if (at >= 0 && at < 60) numbers[at]++;
  }
  return numbers;
}

function problem(who, text, link) {
  return h(
    "li",
    { class: "problem" },
    icon("warning"),
    h("p", {}, who && h("strong", {}, who, " "), prose(text)),
    link && h("a", { class: "button", href: link, "data-k": `look-${who}` }, "Look"),
  );
}

/** @param {import("../store.js").Overview} overview */
function problems(overview) {
  const found = [];
  if (data.trouble) found.push(problem("", sentence(data.trouble)));
  if (!overview.containers.length) {
    return h(
      "div",
      {},
      empty(
        `Nothing is running in ${overview.app}/${overview.environment}.`,
        h("br"),
        h("code", {}, "copilot-local up -d"),
        " starts it.",
      ),
    );
  }
  if (!overview.supervised) {
    found.push(problem("", "No agent looks after this environment: `copilot-local up` or `copilot-local down`."));
  }
  for (const text of [...overview.failures, ...overview.silent]) found.push(problem("", text));
  for (const one of overview.targets) {
    if (one.description) {
      found.push(
        problem(
          one.name,
          `target of ${one.service} (${one.target_group}) is ${one.state}: ${one.description} (${one.reason_code})`,
        ),
      );
    }
  }
  for (const task of data.tasks.filter((one) => one.lastStatus === "STOPPED" && taskTone(one) === "bad")) {
    const since = now() - Date.parse(task.stoppedAt);
    const id = idOf(task.taskArn);
    if (since < RECENT) {
      found.push(
        problem(`${serviceOf(task)} ${shortId(id)}`, `stopped ${ago(since)}: ${whyStopped(task)}.`, taskLink(id)),
      );
    }
  }
  return found.length
    ? h(
      "ul",
      { class: "problems", "aria-label": "Problems" },
      found.slice(0, 8),
      found.length > 8 && h("li", { class: "muted" }, `and ${found.length - 8} more`),
    )
    : h("div");
}

/** @param {import("../store.js").Overview} overview */
function containersView({ containers, services }) {
  if (!containers.length) return h("div");
  const rows = [];
  const named = new Set(services.map((one) => one.name));
  const others = [...new Set(containers.map((row) => row.service).filter((name) => name && !named.has(name)))]; // no agent says how many tasks of them should run
  for (const name of others) {
    rows.push(
      h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: 5 }, name)),
      ...taskRows(name, containers),
    );
  }
  for (const service of services) {
    const job = data.services[service.name]?.type === "Scheduled Job";
    rows.push(
      h(
        "tr",
        { class: "group" },
        h(
          "th",
          { scope: "rowgroup", colspan: 2 },
          service.name,
          " ",
          muted(data.services[service.name]?.type),
        ),
        h(
          "td",
          {},
          job
            ? plural(service.running_count, "task")
            : `${service.running_count} of ${plural(service.desired_count, "task")}`,
        ),
        h(
          "td",
          { colspan: 2, class: "right" },
          job
            ? h(
              "span",
              { class: "row end" },
              act(
                { verb: "run-job", job: service.name },
                `run-${service.name}`,
                `Run ${service.name} now`,
                icon("play"),
                "Run now",
              ),
            )
            : h(
              "span",
              { class: "row end" },
              act(
                { verb: "restart", services: [service.name] },
                `restart-${service.name}`,
                `Restart ${service.name}`,
                icon("restart"),
                "Restart",
              ),
              h("button", {
                ...acting({
                  verb: "scale",
                  counts: { [service.name]: Math.max(service.desired_count - 1, 0) },
                  ask: service.desired_count === 1 ? `Stop ${service.name}? No task of it runs then.` : undefined,
                }),
                class: "button small",
                disabled: service.desired_count === 0,
                "data-k": `less-${service.name}`,
                "aria-label": `One task of ${service.name} less`,
              }, "−"),
              act(
                { verb: "scale", counts: { [service.name]: service.desired_count + 1 } },
                `more-${service.name}`,
                `One task of ${service.name} more`,
                "+",
              ),
            ),
        ),
      ),
    );
    rows.push(...taskRows(service.name, containers));
  }
  for (const row of containers.filter((one) => !one.service)) {
    rows.push([h("td", { class: "muted" }, "of the environment"), ...cellsOf(row), row.url]);
  }
  return card(
    "Tasks and containers",
    table("Tasks and containers", ["Task", "Container", "State", "Ports", "Target"], rows),
  );
}

function act(action, key, label, ...content) {
  return h("button", { ...acting(action), class: "button small", "data-k": key, "aria-label": label }, content);
}

function taskRows(service, containers) {
  return tasksOf(service, containers).flatMap((task) =>
    task.rows.map((row, at) => [
      ...(at > 0 ? [] : [h(
        "td",
        { rowspan: task.rows.length, class: "task" },
        h("a", { href: taskLink(task.id), "data-k": `task-${task.id}` }, h("code", {}, shortId(task.id))),
      )]),
      ...cellsOf(row),
      worstTarget(row),
    ])
  );
}

function cellsOf(row) {
  return [row.name, [dot(containerTone(row), row.health || row.state), " ", row.status], row.ports.join(", ")];
}

function tasksOf(service, containers) {
  const found = new Map();
  for (const row of containers) {
    if (row.service !== service || row.name === "pause") continue;
    if (!found.has(row.task_id)) found.set(row.task_id, { id: row.task_id, rows: [] });
    found.get(row.task_id).rows.push(row);
  }
  return [...found.values()];
}

function worstTarget(row) {
  const groups = data.overview?.target_containers[row.service] ?? {};
  const states = (data.overview?.targets ?? []).filter((one) =>
    one.service === row.service && one.name.endsWith(shortId(row.task_id)) && groups[one.target_group] === row.name
  ).map((one) => one.state);
  const worst = states.find((state) => state !== "healthy" && state !== "unused") ?? states[0];
  return worst ? targetBadge(worst) : null;
}
