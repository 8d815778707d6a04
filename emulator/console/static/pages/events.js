// Events: what happened to tasks and to runs of jobs, as EventBridge would have it.

import { badge, clock, empty, h, head, idOf, muted, ofAll, shortId } from "../dom.js";
import { Chosen, matcher, pauser, search } from "../filters.js";
import { List } from "../list.js";
import { heading, openPanel, taskLink } from "../panel.js";
import { data, subscribe } from "../store.js";
import { serviceOf, taskTone, whyStopped } from "../tasks.js";

function said(event) {
  const task = event.detail ?? {};
  if (!task.taskArn || !task.containers) {
    return [task.eventName, task.reason].filter(Boolean).join(": ") || event["detail-type"];
  }
  if (task.lastStatus === "STOPPED" || task.desiredStatus === "STOPPED") return whyStopped(task) || "stops";
  return task.containers.map((one) =>
    `${one.name} ${one.lastStatus}${[undefined, "UNKNOWN"].includes(one.healthStatus) ? "" : ` ${one.healthStatus}`}`
  ).join(", ");
}

/** The service that an event is about, which those of services name by their ARN alone. */
function serviceOfEvent(event) {
  const arn = (event.resources ?? []).find((one) => one.includes(":service/"));
  return serviceOf(event.detail ?? {}) || (arn ? idOf(arn) : "");
}

/** "ECS Deployment State Change" in a narrow column. */
function kindOf(event) {
  return event["detail-type"].replace(/^ECS /, "").replace(/ State Change$/, "");
}

export function show(main, query) {
  const chosen = new Chosen("events", query, { q: "" });
  const list = new List({
    label: "Events",
    height: 30,
    columns: "100px minmax(80px, 130px) 90px 150px 1fr",
    draw: (event) => {
      const task = event.detail ?? {};
      const id = task.taskArn ? idOf(task.taskArn) : "";
      return [
        muted(clock(event.time)),
        serviceOfEvent(event),
        h("code", {}, shortId(id)),
        h("span", {}, task.lastStatus ? badge(taskTone(task), task.lastStatus) : kindOf(event)),
        h("span", { class: "cut", title: said(event) }, said(event)),
      ];
    },
    open: (event) => {
      const id = event.detail?.taskArn ? idOf(event.detail.taskArn) : "";
      openPanel(
        "Event",
        h(
          "div",
          {},
          heading(
            event["detail-type"],
            h("span", {}, clock(event.time)),
            id && h("a", { href: taskLink(id) }, `task ${shortId(id)}`),
          ),
          h(
            "section",
            {},
            h("p", { class: "wrap" }, said(event)),
            h("pre", { class: "wrap", tabindex: 0 }, JSON.stringify(event, null, 2)),
          ),
        ),
      );
    },
  });
  const total = muted();
  const filter = () => {
    const matches = matcher(chosen.get("q"));
    list.filter((event) =>
      matches(
        `${serviceOfEvent(event)} ${event.detail?.taskArn ?? ""} ${event.detail?.lastStatus ?? ""} ${said(event)}`,
      )
    );
    say();
  };
  const none = empty("No event yet.");
  const say = () => {
    total.textContent = ofAll(list.kept.length, data.events.items.length, "event");
    none.hidden = data.events.items.length > 0;
  };
  main.append(
    head("Events", total, h("span", { class: "space" }), pauser(list)),
    h(
      "section",
      { class: "card grows" },
      h("div", { class: "row bar" }, search(chosen, "q", "Service, task, reason", filter)),
      none,
      list.withHeads("Time", "Service", "Task", "State", "What"),
    ),
  );
  list.ring = data.events;
  filter();
  const unsubscribe = subscribe(["events"], () => {
    list.update(data.events);
    say();
  });
  return () => {
    unsubscribe();
    list.end();
  };
}
