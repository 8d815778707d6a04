// Queues, topics, tables and buckets of the local AWS endpoint, and what is in them.

import { button, card, count, empty, h, prose, sentence, table } from "../dom.js";
import { heading, openPanel } from "../panel.js";
import { answerPage } from "../service.js";
import { answer } from "../store.js";

const EVERY = 3000; // ms

export function show(main) {
  return answerPage(main, {
    title: "Local AWS",
    under: "what the endpoint of this environment holds",
    path: "aws",
    every: EVERY,
    draw: lists,
  });
}

/** A table of cells; columns with numbers are theirs. */
function tableCard(title, heads, rows) {
  if (!rows.length) return null;
  const numeric = (at) => rows.some((cells) => typeof cells[at] === "number") ? "number" : "";
  const said = (cell) => typeof cell === "number" ? count(cell) : cell;
  return card(title, table(title, heads.map((head, at) => [head, numeric(at)]), rows.map((cells) => cells.map(said))));
}

function lists({ queues, topics, tables, buckets }, look) {
  const nothing = !queues.length && !topics.length && !tables.length && !buckets.length;
  return h(
    "div",
    { class: "stack" },
    nothing && empty("The endpoint holds no queue, topic, table or bucket."),
    tableCard(
      "Queues",
      ["Queue", "Waiting", "In flight", "Delayed", "Dead letters", ""],
      queues.map((
        one,
      ) => [
        one.name,
        one.visible,
        one.in_flight,
        one.delayed,
        one.dead_letters ?? "–",
        h(
          "span",
          { class: "row end" },
          button("Send", () => compose("queue", one.name, look), { kind: "small", key: `send-${one.name}` }),
          button("Messages", () => open(`Messages of ${one.name}`, { verb: "peek", name: one.name }), {
            kind: "small",
            key: `peek-${one.name}`,
          }),
          one.dead_letters > 0 &&
            button(
              "Dead letters",
              () => open(`Dead letters of ${one.name}`, { verb: "peek", name: one.name, dead: true }),
              { kind: "small", key: `dead-${one.name}` },
            ),
          one.dead_letters > 0 &&
            button("Move back", () => redrive(one.name, look), { kind: "small", key: `redrive-${one.name}` }),
        ),
      ]),
    ),
    tableCard(
      "Topics",
      ["Topic", "Subscriptions", ""],
      topics.map((
        one,
      ) => [
        one.name,
        one.subscriptions.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(", "),
        h(
          "span",
          { class: "row end" },
          button("Publish", () => compose("topic", one.name, look), { kind: "small", key: `publish-${one.name}` }),
        ),
      ]),
    ),
    tableCard(
      "Tables",
      ["Table", "Items", "Key", ""],
      tables.map((
        one,
      ) => [
        one.name,
        one.items,
        Array.isArray(one.key) ? one.key.join(", ") : String(one.key),
        button("Items", () => open(`Items of ${one.name}`, { verb: "items", name: one.name }), {
          kind: "small",
          key: `items-${one.name}`,
        }),
      ]),
    ),
    tableCard(
      "Buckets",
      ["Bucket", "Objects", "Bytes", ""],
      buckets.map((one) => [
        one.name,
        one.objects,
        one.bytes,
        button("Objects", () => open(`Objects of ${one.name}`, { verb: "objects", name: one.name }), {
          kind: "small",
          key: `objects-${one.name}`,
        }),
      ]),
    ),
  );
}

async function open(title, question) {
  let rows;
  try {
    const { found } = await answer("aws/look", question);
    rows = found.length
      ? found.map((one) => h("pre", { class: "wrap entry", tabindex: 0 }, JSON.stringify(one, null, 2)))
      : empty("There is nothing.");
  } catch (error) {
    rows = h("p", { class: "note bad" }, prose(sentence(error)));
  }
  openPanel(
    title,
    h(
      "div",
      {},
      heading(title, question.verb === "peek" ? "Looking changes nothing: no receive count, no visibility." : ""),
      h("section", {}, rows),
    ),
  );
}

async function redrive(name, look) {
  try {
    await answer("aws/redrive", { name });
  } catch (error) {
    alert(sentence(error));
  }
  look();
}

/** A message to a queue or a topic, written in the panel. */
function compose(kind, name, look) {
  const body = h("textarea", { rows: 6, "aria-label": "Message" });
  const said = h("p", { role: "status" });
  const send = button("Send", async () => {
    send.disabled = true;
    try {
      const sent = await answer("aws/send", { kind, name, body: body.value });
      said.className = "";
      said.textContent = `Sent: ${sent.answer.id}`;
      look();
    } catch (error) {
      said.className = "note bad";
      said.textContent = sentence(error);
    }
    send.disabled = false;
  }, { name: "arrow", kind: "main", key: "send-message" });
  openPanel(
    `Message to ${name}`,
    h("div", {}, heading(`Message to ${name}`, kind), h("section", {}, body, h("div", { class: "row" }, send), said)),
  );
  body.focus();
}
