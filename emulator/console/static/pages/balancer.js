// Load balancer: its rules, which of them a request hits and why, the request sent, and the targets.

import { badge, button, card, duration, empty, h, head, muted, prose, replaced, sentence, table } from "../dom.js";
import { Chosen } from "../filters.js";
import { hopsView } from "../hops.js";
import { statusTone } from "../requests.js";
import { answer, data, subscribe } from "../store.js";
import { targetBadge } from "../tasks.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

export function show(main, query) {
  const chosen = new Chosen("balancer", query, { method: "GET", url: "/", headers: "", body: "" });
  let explained = null;
  let asked = 0;
  let outcome = h("div");
  let rules = h("div");
  let targets = h("div");
  let sent = h("div");
  const problem = h("p", { class: "note bad", role: "alert" });
  const method = h(
    "select",
    { "aria-label": "Method", onchange: () => changed("method", method.value) },
    METHODS.map((name) => h("option", { selected: name === chosen.get("method") }, name)),
  );
  const url = h("input", {
    type: "search",
    "aria-label": "Path or URL",
    value: chosen.get("url"),
    class: "wide mono",
    oninput: () => changed("url", url.value),
    onkeydown: (event) => event.key === "Enter" && send(),
  });
  const headers = h("textarea", {
    rows: 3,
    "aria-label": "Headers, one per line",
    placeholder: "Name: value",
    oninput: () => changed("headers", headers.value),
  });
  const body = h("textarea", {
    rows: 3,
    "aria-label": "Body",
    placeholder: "Body",
    oninput: () => changed("body", body.value),
  });
  headers.value = chosen.get("headers");
  body.value = chosen.get("body");
  const more = h("div", { class: "more", hidden: !headers.value && !body.value }, headers, body);
  const sender = button("Send", () => send(), { name: "arrow", kind: "main", key: "send" });

  const pairs = () =>
    chosen.get("headers").split("\n").map((line) => line.split(":")).filter(([name, ...rest]) =>
      name.trim() && rest.length
    ).map(([name, ...rest]) => [name.trim(), rest.join(":").trim()]);
  const ask = () => ({ method: chosen.get("method"), url: chosen.get("url") || "/", headers: pairs() });
  const changed = (name, value) => {
    chosen.set(name, value);
    explain();
  };
  const explain = async () => {
    if (data.hello?.snapshot) return draw();
    const number = ++asked;
    try {
      const found = await answer("explain", ask());
      if (number !== asked) return;
      explained = found;
      problem.textContent = "";
    } catch (error) {
      if (number !== asked) return;
      explained = null;
      problem.textContent = sentence(error);
    }
    draw();
  };
  const send = async () => {
    sender.disabled = true;
    sent = replaced(sent, card("What happened", empty("Sending, with all hops watched …")));
    try {
      const found = await answer("send", { ...ask(), body: chosen.get("body") || undefined });
      sent = replaced(sent, sentView(found));
    } catch (error) {
      sent = replaced(sent, card("What happened", h("p", { class: "note bad" }, prose(sentence(error)))));
    }
    sender.disabled = false;
  };
  const draw = () => {
    const none = data.told.has("overview") && !data.overview?.listeners.some((one) => !one.service);
    if (none) explained = null;
    asking.hidden = none || Boolean(data.hello?.snapshot);
    nothing.hidden = !none;
    outcome = replaced(outcome, outcomeView(explained));
    rules = replaced(rules, rulesView(explained));
    targets = replaced(targets, targetsView());
  };
  const nothing = empty("No service that runs here is behind an application load balancer.");
  nothing.hidden = true;
  const asking = h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "row bar" },
      method,
      url,
      button("Headers, body", (event) => {
        more.hidden = !more.hidden;
        /** @type {HTMLElement} */ (event.currentTarget).setAttribute("aria-expanded", String(!more.hidden));
      }),
      sender,
    ),
    more,
    problem,
    outcome,
  );
  main.append(
    head("Load balancer", muted("rules in the order in which they are looked at")),
    nothing,
    asking,
    rules,
    sent,
    targets,
  );
  draw();
  explain();
  let known = "";
  return subscribe(["overview", "rules"], () => {
    const now = JSON.stringify(data.rules);
    if (now !== known) {
      known = now;
      explain();
    }
    draw();
  });
}

function outcomeView(found) {
  if (!found) return h("div");
  const winner = found.rules.find((rule) => rule.verdict === "wins");
  return h(
    "div",
    { class: "outcome" },
    badge(winner ? "ok" : "bad", winner ? `rule ${found.priority}` : "no rule"),
    h("strong", {}, found.reason),
    found.load_balancer !== "public" && h("span", { class: "tag" }, `${found.load_balancer} load balancer`),
    found.destinations.map((one) =>
      h(
        "span",
        {},
        "→ ",
        h("strong", {}, one.service),
        ` container ${one.container}, port ${one.port}${
          one.share === 1 ? "" : `, ${Math.round(one.share * 100)} % of the requests`
        }`,
      )
    ),
    found.container_path !== null &&
      h("span", {}, "it sees ", h("code", {}, `${found.method} ${found.container_path}`)),
    found.status !== null && h("span", {}, `the load balancer itself answers ${found.status}`),
    found.location !== null && h("span", {}, "Location: ", h("code", {}, found.location)),
    found.warnings.map((text) => h("p", { class: "finding wait" }, text)),
  );
}

/** The rules as they are, where no request is explained. */
function plainRules() {
  return {
    rules: data.rules.map((one) => ({
      ...one,
      verdict: "",
      conditions: one.conditions.map((condition) => ({ condition })),
    })),
  };
}

function rulesView(explained) {
  const found = explained ?? plainRules();
  if (!found.rules.length) return h("div");
  const placeOf = (rule) =>
    explained
      ? explained.placed.find((one) =>
        one.load_balancer === explained.load_balancer && one.listener === explained.listener &&
        one.priority === rule.priority
      )
      : rule;
  return card(
    "Rules",
    table(
      "Rules",
      ["Priority", "Conditions", "Action", ...(explained ? ["Result"] : [])],
      found.rules.map((rule) => {
        const place = placeOf(rule);
        return h(
          "tr",
          { class: rule.verdict === "wins" ? "wins" : "" },
          h("td", {}, rule.priority),
          h(
            "td",
            {},
            rule.conditions.map((one) =>
              one.matched === undefined ? h("p", {}, h("code", {}, one.condition)) : h(
                "p",
                { class: one.matched ? "condition ok" : "condition bad" },
                h(
                  "span",
                  { class: "mark", role: "img", "aria-label": one.matched ? "matches" : "does not match" },
                  one.matched ? "✓" : "✗",
                ),
                " ",
                h("code", {}, one.condition),
                !one.matched && muted(` saw ${one.seen.join(", ") || "nothing"}`),
              )
            ),
          ),
          h(
            "td",
            {},
            place &&
              (place.destinations.length
                ? place.destinations.map((one) =>
                  h("p", {}, "→ ", h("strong", {}, one.service), ` ${one.container}:${one.port}`)
                )
                : h("p", {}, place.action)),
            place?.position && h("code", { class: "muted" }, place.position),
          ),
          explained && h(
            "td",
            { class: "nowrap" },
            rule.verdict === "wins" ? badge("ok", "wins") : muted(rule.verdict),
          ),
        );
      }),
    ),
  );
}

function targetsView() {
  const found = data.overview?.targets ?? [];
  if (!found.length) return h("div");
  return card(
    "Targets",
    table(
      "Targets",
      ["Target", "Service", "Load balancer", "Target group", "State", "Reason", "Description"],
      found.map((one) => [
        h("code", {}, one.name),
        one.service,
        one.load_balancer,
        one.target_group,
        targetBadge(one.state),
        one.reason_code || "–",
        one.description || "–",
      ]),
    ),
  );
}

function sentView(found) {
  const status = found.answer.status;
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "row bar" },
      h("h2", {}, "What happened"),
      status ? badge(statusTone(status), status) : badge("bad", "no answer"),
      muted(`${duration(found.hops[0]?.milliseconds)} over ${found.hops.length} hops`),
      h("span", { class: "space" }),
      h("code", { class: "muted" }, found.trace_id),
    ),
    found.answer.fault && h("p", { class: "note bad" }, found.answer.fault),
    h("div", { class: "bar" }, hopsView(found)),
  );
}
