// Tasks as ECS tells them: from DescribeTasks' `Task` and from the events of its state.

import { badge, idOf } from "./dom.js";
import { data, now } from "./store.js";

export const ROUTER = "firelens_log_router";

export function taskTone(task) {
  if (task.lastStatus === "STOPPED") {
    return task.stopCode === "ServiceSchedulerInitiated" || task.stopCode === "UserInitiated" ? "idle" : "bad";
  }
  if (task.healthStatus === "UNHEALTHY") return "bad";
  return task.lastStatus === "RUNNING" ? "ok" : "wait";
}

export function containerTone(row) {
  if (row.state !== "running") return row.exit_code ? "bad" : row.state === "created" ? "wait" : "idle";
  return { unhealthy: "bad", starting: "wait" }[row.health] ?? "ok";
}

/** The state of a load balancer's target. */
export function targetBadge(state) {
  return badge({ healthy: "ok", unused: "idle", initial: "wait", draining: "wait" }[state] ?? "bad", state);
}

export function serviceOf(task) {
  return (task.group ?? "").replace(/^service:/, "");
}

/** Why a task stopped, with its containers' exit codes; empty while it runs. */
export function whyStopped(task) {
  const reasons = [task.stoppedReason, ...task.containers.map((one) => one.reason)].filter(Boolean);
  const codes = task.containers.filter((one) => one.exitCode !== undefined).map((one) =>
    `${one.name} exited with code ${one.exitCode}`
  );
  return [...reasons, codes.join(", ")].filter(Boolean).join(": ");
}

/** The states of a task and of its containers over time, as far as events of it are known. */
export function lifeOf(id) {
  const events = data.events.items.filter((event) => event.detail?.taskArn && idOf(event.detail.taskArn) === id);
  if (!events.length) return null;
  const last = events.at(-1).detail;
  const ended = last.lastStatus === "STOPPED" ? Date.parse(last.stoppedAt) : now();
  const names = [...new Set(events.flatMap((event) => event.detail.containers.map((one) => one.name)))];
  const spansOf = (stateOf) => {
    const spans = [];
    for (const event of events) {
      const [state, at] = [stateOf(event.detail), Date.parse(event.time)];
      const before = spans.at(-1);
      if (!state || before?.state === state) continue;
      if (before) before.to = at;
      spans.push({ state, from: at, to: ended });
    }
    return spans.filter((span) => span.to > span.from);
  };
  const rows = names.map((name) => ({
    name,
    spans: spansOf((task) => task.containers.find((one) => one.name === name)?.lastStatus),
  }));
  return { from: Date.parse(events[0].time), to: ended, task: spansOf((task) => task.lastStatus), containers: rows };
}

/** When a container of a task was first seen running; undefined where no event says so. */
export function ranAt(id, name) {
  for (const event of data.events.items) {
    if (!event.detail?.taskArn || idOf(event.detail.taskArn) !== id) continue;
    if (event.detail.containers.some((one) => one.name === name && one.lastStatus === "RUNNING")) {
      return Date.parse(event.time);
    }
  }
  return undefined;
}
