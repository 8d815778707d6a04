// What changes something, and what it told.

import { byId, h, sentence } from "./dom.js";
import { ask, messages } from "./store.js";

/** Carries out `{verb, …body}`; its events stand in a message at the edge of the page until it is done. */
export async function act({ verb, ask: question, ...body }, label) {
  if (question && !confirm(question)) return;
  const toast = h("div", { class: "toast wait" }, h("strong", {}, label), h("span", {}, "…"));
  byId("toasts").append(toast);
  const says = (tone, text) => {
    toast.className = `toast ${tone}`;
    toast.lastChild.textContent = text;
  };
  let began = false;
  try {
    const response = await ask(verb, body);
    began = response.ok;
    if (!response.ok) {
      const { error } = await response.json();
      says("bad", sentence(error));
    } else {
      for await (const message of messages(response)) {
        if (message.event) says("wait", `${message.event.subject} ${message.event.message}`);
        else if (message.error) says("bad", sentence(message.error));
        else if (message.ok) says("ok", "done");
      }
    }
  } catch (error) {
    if (began) says("idle", "what was begun goes on; its news was cut off");
    else says("bad", `no answer: ${error.message}`);
  }
  const bad = toast.classList.contains("bad");
  if (bad) toast.append(h("button", { type: "button", class: "button", onclick: () => toast.remove() }, "Close"));
  else setTimeout(() => toast.remove(), 4000);
}

/** The attribute of a button that acts. */
export function acting(action) {
  return { "data-act": JSON.stringify(action), type: "button" };
}
