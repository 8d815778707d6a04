// Service Connect: its names, the tasks behind each, and what clients had from them.

import { badge, card, count, duration, empty, h, muted, shortId, table } from "../dom.js";
import { taskLink } from "../panel.js";
import { answerPage } from "../service.js";

const EVERY = 4000; // ms: every proxy is asked
const TONES = { healthy: "ok", running: "ok", draining: "wait", "not ready": "wait" };

export function show(main) {
  return answerPage(main, {
    title: "Service Connect",
    under: "names, the tasks behind each, and calls to them",
    path: "connect",
    every: EVERY,
    draw,
  });
}

function taskOf(service, id) {
  return h("a", { href: taskLink(id) }, `${service} `, h("code", {}, shortId(id)));
}

function tableCard(title, heads, rows) {
  return card(title, table(title, heads, rows));
}

function draw({ names, calls, proxied, silent }) {
  if (!names.length && !calls.length) {
    return h(
      "div",
      {},
      empty(
        "Nothing here is connected: ",
        h("code", {}, "network.connect"),
        " of a manifest gives a service a name that others call.",
      ),
    );
  }
  const avoided = calls.flatMap((one) => one.avoided.map((each) => ({ ...each, client: one })));
  return h(
    "div",
    { class: "stack" },
    !proxied &&
      h(
        "p",
        { class: "finding wait" },
        "No proxy runs: names are lines of /etc/hosts, and nothing is counted, repeated or avoided. Either copilot-local.toml has ",
        h("code", {}, '[service_connect] proxy = "none"'),
        ", or the latest `up` said why there can be none.",
      ),
    Object.entries(silent).map(([id, why]) =>
      h("p", { class: "finding bad" }, `The proxy of task ${shortId(id)} does not answer: ${why}`)
    ),
    avoided.length > 0 && tableCard(
      "Avoided tasks",
      ["Client", "Name", "Task", "Until"],
      avoided.map((one) => [
        taskOf(one.client.service, one.client.task_id),
        h("code", {}, one.client.name),
        [
          badge("bad", "ejected"),
          " ",
          h("a", { href: taskLink(one.task_id) }, h("code", {}, shortId(one.task_id))),
        ],
        [
          one.until ? new Date(one.until).toLocaleTimeString("en-GB") : "–",
          muted(" calls failed"),
        ],
      ]),
    ),
    tableCard(
      "Names",
      ["Name", "Address", "Protocol", "Tasks behind it"],
      names.map((one) => [
        h("code", {}, `${one.name}:${one.port}`),
        one.address ? h("code", {}, one.address) : "–",
        one.protocol || "–",
        one.servers.map((server) =>
          h(
            "p",
            { class: "row" },
            taskOf(server.service, server.task_id),
            badge(TONES[server.state] ?? "idle", server.state),
          )
        ),
      ]),
    ),
    calls.length > 0 &&
      tableCard(
        "Calls",
        ["Client", "Name", ...["Calls", "Failed", "Retries", "Median"].map((name) => [name, "number"]), "By task"],
        calls.map((one) => [
          taskOf(one.service, one.task_id),
          h("code", {}, one.name),
          count(one.calls),
          count(one.failed),
          count(one.retries),
          h("td", { class: "number nowrap" }, one.p50_ms === null ? "–" : duration(one.p50_ms)),
          Object.entries(one.by_task).map(([id, number]) => `${shortId(id)} ${count(number)}`).join(", "),
        ]),
      ),
    names.some((one) => one.protocol === "tcp") &&
      h(
        "p",
        { class: "muted" },
        "tcp (no appProtocol): balanced by connection; no retries of a 503, no limit of 15 s.",
      ),
  );
}
