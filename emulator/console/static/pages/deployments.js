// Deployments: of each service the one that is current with its circuit breaker, those before, and what ECS says of it.

import { badge, card, clock, duration, empty, h, idOf, muted, plural, table } from "../dom.js";
import { answerPage } from "../service.js";
import { now } from "../store.js";

const EVERY = 3000; // ms
const TONES = {
  COMPLETED: "ok",
  SUCCESSFUL: "ok",
  IN_PROGRESS: "wait",
  PENDING: "wait",
  FAILED: "bad",
  ROLLBACK_FAILED: "bad",
  ROLLBACK_SUCCESSFUL: "bad",
  ROLLBACK_IN_PROGRESS: "bad",
  STOPPED: "idle",
};
const MOST_EVENTS = 8;

export function show(main) {
  return answerPage(main, {
    title: "Deployments",
    under: "as DescribeServices and DescribeServiceDeployments have them",
    path: "deployments",
    every: EVERY,
    draw: ({ services }) =>
      services.length
        ? h("div", { class: "stack" }, services.map(serviceView))
        : h("div", {}, empty("No service runs here.")),
    kinds: ["events"],
  });
}

function serviceView(service) {
  const breaker = service.deploymentConfiguration.deploymentCircuitBreaker;
  const former = service.serviceDeployments;
  return card(
    [
      service.serviceName,
      h("span", { class: "muted small" }, `${service.runningCount} of ${plural(service.desiredCount, "task")} running`),
      h(
        "span",
        { class: "muted small" },
        breaker.enable ? `circuit breaker on${breaker.rollback ? ", with rollback" : ""}` : "circuit breaker off",
      ),
    ],
    service.deployments.map(currentView),
    former.length > 0 &&
      table(
        `Deployments of ${service.serviceName}`,
        ["Began", "Result", "Revision", "Took", "Circuit breaker", "Reason"],
        former.map(formerView),
      ),
    service.events.length > 0 &&
      h(
        "div",
        { class: "bar" },
        h("h3", {}, "Events"),
        h(
          "ul",
          { class: "plain" },
          service.events.slice(0, MOST_EVENTS).map((one) =>
            h("li", {}, muted(`${clock(one.createdAt)} `), one.message)
          ),
        ),
      ),
  );
}

function currentView(one) {
  const counts = [
    `${one.runningCount} running`,
    one.pendingCount && `${one.pendingCount} pending`,
    one.failedTasks && `${one.failedTasks} failed`,
  ].filter(Boolean).join(", ");
  return h(
    "div",
    { class: "outcome" },
    badge(TONES[one.rolloutState] ?? "idle", one.rolloutState),
    h("strong", {}, one.status),
    h("code", {}, idOf(one.taskDefinition)),
    h("span", {}, counts),
    muted(`since ${clock(one.createdAt)}`),
    h("span", { class: one.rolloutState === "FAILED" ? "finding bad" : "muted" }, one.rolloutStateReason),
  );
}

function formerView(one) {
  const breaker = one.deploymentCircuitBreaker;
  const revision = one.targetServiceRevision?.arn;
  const ended = one.finishedAt ? Date.parse(one.finishedAt) : now();
  return [
    h("td", { class: "nowrap muted" }, clock(one.startedAt)),
    badge(TONES[one.status] ?? "idle", one.status),
    h("code", {}, revision ? idOf(revision) : "–"),
    h("td", { class: "nowrap" }, duration(Math.max(ended - Date.parse(one.startedAt), 0))),
    breaker.status === "DISABLED"
      ? "off"
      : `${breaker.status.toLowerCase().replaceAll("_", " ")}, ${breaker.failureCount} of ${breaker.threshold} failed`,
    h("td", { class: "wrap reason" }, one.statusReason),
  ];
}
