// What is beside the page: details of one thing, which the address names.

import { acting } from "./actions.js";
import { timeline } from "./charts.js";
import {
  badge,
  button,
  byId,
  clock,
  colourOf,
  control,
  dialogue,
  duration,
  empty,
  focused,
  h,
  icon,
  idOf,
  replaced,
  section,
  shortId,
  table,
} from "./dom.js";
import { answer, data, subscribe } from "./store.js";
import { lifeOf, ranAt, serviceOf, taskTone, whyStopped } from "./tasks.js";

let end = () => {};
let opener = /** @type {string | null} */ (null);

export function hasPanel() {
  return !byId("panel").hidden;
}

/** Opens the panel with a heading; `draw` gives its content. The control that opened it has the focus again later. */
export function openPanel(label, ...content) {
  const panel = byId("panel");
  if (panel.hidden) opener = focused()?.dataset.k ?? null;
  end();
  end = () => {};
  panel.setAttribute("aria-label", label);
  panel.replaceChildren(...content);
  panel.hidden = false;
  document.body.classList.add("with-panel");
  return panel;
}

/** Calls `ended` when what the panel shows now is closed, or makes room for something else. */
export function whenClosed(ended) {
  end = ended;
}

export function closePanel(byKey = false) {
  const panel = byId("panel");
  if (panel.hidden) return;
  end();
  end = () => {};
  panel.hidden = true;
  panel.replaceChildren();
  document.body.classList.remove("with-panel");
  const [path, query = ""] = location.hash.split("?");
  const rest = new URLSearchParams(query);
  if (rest.has("task-panel")) {
    rest.delete("task-panel");
    history.replaceState(null, "", rest.size ? `${path}?${rest}` : path);
  }
  if (byKey && opener) control(`[data-k="${CSS.escape(opener)}"]`)?.focus();
}

export function heading(title, ...under) {
  const close = h("button", {
    type: "button",
    class: "round",
    "aria-label": "Close (Esc)",
    onclick: () => closePanel(true),
  }, icon("close"));
  return h(
    "header",
    { class: "panel-head" },
    h(
      "div",
      {},
      h("h2", { tabindex: -1 }, title),
      h("p", {}, under.map((one) => (one instanceof Node ? one : one && h("span", {}, one)))),
    ),
    close,
  );
}

/** The address of this page with the panel of a task. */
export function taskLink(id) {
  const [path, query = ""] = (location.hash || "#/overview").split("?");
  const rest = new URLSearchParams(query);
  rest.set("task-panel", id);
  return `${path}?${rest}`;
}

/** Shows a task: its life, why it stopped, its containers. */
export function openTask(id) {
  let details = /** @type {any} */ (null);
  let asked = 0;
  const panel = openPanel(`Task ${shortId(id)}`, h("div"));
  const draw = () => replaced(panel.firstElementChild, taskView(id, details));
  const look = async () => {
    const number = ++asked;
    if (find(id)?.lastStatus === "STOPPED") return; // what the events told stays
    try {
      const found = await answer(`tasks/${id}`);
      if (number === asked) details = found;
    } catch {
      details = null; // it has just stopped
    }
    if (number === asked && panel.firstElementChild) draw();
  };
  draw();
  look();
  panel.querySelector("h2")?.focus({ preventScroll: true });
  let version = 0;
  const unsubscribe = subscribe(["tasks", "events", "overview"], () => {
    const task = find(id);
    if (task && task.version !== version) {
      version = task.version;
      look();
    }
    draw();
  });
  const timer = setInterval(() => !document.hidden && draw(), 2000);
  end = () => {
    unsubscribe();
    clearInterval(timer);
    asked++;
  };
}

function find(id) {
  return data.tasks.find((task) => idOf(task.taskArn) === id);
}

function taskView(id, details) {
  const task = find(id);
  if (!task) return h("div", {}, heading(`Task ${shortId(id)}`), empty("Nothing is known of this task any more."));
  const service = serviceOf(task);
  const address = task.attachments?.[0]?.details?.find((one) => one.name === "privateIPv4Address")?.value;
  const running = task.lastStatus !== "STOPPED";
  return h(
    "div",
    {},
    heading(
      [service, " ", h("code", {}, shortId(id))],
      badge(taskTone(task), task.lastStatus),
      ` revision ${task.taskDefinitionArn.split(":").at(-1)} `,
      address && h("code", {}, address),
    ),
    running &&
      h(
        "div",
        { class: "row actions" },
        h(
          "button",
          { ...acting({ verb: "stop-task", task: id }), class: "button", "data-k": "stop-task" },
          icon("stop"),
          "Stop task",
        ),
        h(
          "button",
          { ...acting({ verb: "restart", services: [service] }), class: "button", "data-k": "restart" },
          icon("restart"),
          `Restart ${service}`,
        ),
      ),
    life(id, details),
    whyStopped(task) &&
      section(
        running ? "Why it stops" : "Why it stopped",
        h("p", { class: "wrap" }, whyStopped(task)),
        task.stoppedAt && h("p", { class: "muted" }, `${task.stopCode} at ${clock(task.stoppedAt)}`),
      ),
    section(
      "Containers",
      task.containers.map((container) => containerView(id, container, details?.containers[container.name])),
    ),
  );
}

function life(id, details) {
  const found = lifeOf(id);
  if (!found) return null;
  const rows = [
    { name: "task", spans: found.task },
    ...found.containers.map((row) => ({ ...row, colour: colourOf(row.name) })),
  ];
  return section(
    "Life",
    timeline(rows, found.from, found.to),
    h(
      "p",
      { class: "muted" },
      `From ${clock(found.from)}, for ${duration(Math.round((found.to - found.from) / 1000) * 1000)}`,
    ),
    waits(id, details),
  );
}

/** What containers waited for: both ends are events of the task. */
function waits(id, details) {
  const said = Object.entries(details?.containers ?? {}).flatMap(([name, one]) =>
    one.waits_for.map(({ container, condition }) => {
      const [began, ran] = [ranAt(id, container), ranAt(id, name)];
      if (began === undefined) return null;
      const what = condition === "HEALTHY"
        ? "to be healthy"
        : condition === "COMPLETE"
        ? "to end"
        : condition === "SUCCESS"
        ? "to end with code 0"
        : "to start";
      return ran === undefined ? h("li", {}, h("strong", {}, name), ` waits for ${container} ${what}.`) : h(
        "li",
        {},
        h("strong", {}, name),
        ` waited for ${container} ${what}: it started ${duration(Math.max(ran - began, 0))} after it.`,
      );
    })
  ).filter(Boolean);
  return said.length ? h("ul", { class: "plain" }, said) : null;
}

function containerView(id, container, more) {
  const tone =
    { RUNNING: container.healthStatus === "UNHEALTHY" ? "bad" : "ok", PENDING: "wait" }[container.lastStatus] ??
      (container.exitCode ? "bad" : "idle");
  const row = data.overview?.containers.find((one) => one.id === container.runtimeId);
  const probe = more?.health_log.at(-1);
  const facts = [
    ["image", h("code", {}, container.image)],
    container.healthStatus !== "UNKNOWN" && ["health", container.healthStatus],
    row && ["status", row.status],
    row?.ports.length > 0 && ["ports", row.ports.join(", ")],
    more && ["container", h("code", {}, more.docker_name)],
    probe && ["last check", h("code", { class: "wrap" }, `code ${probe.exit_code} ${probe.output.trim()}`)],
    container.exitCode !== undefined && ["exit code", String(container.exitCode)],
    container.reason && ["reason", container.reason],
  ].filter(Boolean);
  return h(
    "article",
    { class: "card container" },
    h(
      "header",
      { class: "row" },
      h("span", { class: "swatch", style: { background: colourOf(container.name) } }),
      h("h4", {}, container.name),
      more?.essential && h("span", { class: "tag" }, "essential"),
      h("span", { class: "space" }),
      badge(tone, container.lastStatus),
    ),
    h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    container.lastStatus === "RUNNING" && more && h(
      "div",
      { class: "row" },
      button("Variables", () => showVariables(id, container.name), { key: `variables-${container.name}` }),
      h("button", {
        ...acting({
          verb: "kill",
          task: id,
          container: container.name,
          ask: `Kill ${container.name} of task ${shortId(id)}?`,
        }),
        class: "button danger",
        "data-k": `kill-${container.name}`,
      }, "Kill"),
    ),
  );
}

async function showVariables(id, name) {
  const dialog = dialogue();
  let content;
  try {
    const found = Object.entries(await answer(`tasks/${id}/${encodeURIComponent(name)}/variables`));
    content = table(
      "Variables",
      [],
      found.map(([key, value]) => [
        h("th", { scope: "row" }, h("code", {}, key)),
        h("td", { class: "wrap" }, value === null ? h("em", {}, "secret") : h("code", {}, value)),
      ]),
    );
  } catch (error) {
    content = h("p", {}, error.message);
  }
  dialog.replaceChildren(
    h("h2", { id: "keys-title" }, `Variables of ${name}`),
    content,
    h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close"),
  );
  dialog.showModal();
}
