// Pages that show what one answer says: of everything, or of one service.

import { empty, h, head, muted, prose, replaced, sentence } from "./dom.js";
import { Chosen } from "./filters.js";
import { answer, data, regularly, subscribe } from "./store.js";

/**
 * Shows `draw(found, look)` of what `/api/<path>` answers, asked for again every few milliseconds, where one of `kinds`
 * changes, and by `look()`.
 * @param {HTMLElement} main
 * @param {{ title: string, under: string, path: string, every: number, draw: (found: any, look: () => void) => Element, kinds?: string[] }} options
 */
export function answerPage(main, { title, under, path, every, draw, kinds = [] }) {
  let content = h("div", {}, empty("Looking …"));
  let asked = 0;
  main.append(head(title, muted(under)), content);
  const look = async () => {
    const number = ++asked;
    let next;
    try {
      next = draw(await answer(path), look);
    } catch (error) {
      next = h("div", {}, empty(sentence(error)));
    }
    if (number === asked) content = replaced(content, next);
  };
  const endLooks = regularly(look, every);
  const unsubscribe = subscribe(kinds, look);
  return () => {
    endLooks();
    unsubscribe();
    asked++;
  };
}

/**
 * Shows `draw(found)` of what `/api/services/NAME/<page>` answers, for the chosen one of the services that `fits`.
 * @param {HTMLElement} main
 * @param {URLSearchParams} query
 * @param {{ page: string, title: string, under: string, fits: (one: any) => boolean, none: string, draw: (found: any) => Element, live?: string, every?: number }} options
 *
 * `live` is what is asked again every few seconds, and told as `found[live]`.
 */
export function servicePage(main, query, { page, title, under, fits, none, draw, live, every }) {
  const chosen = new Chosen(page, query, { service: "" });
  const choice = h("span", { class: "segments", role: "group", "aria-label": "Service" });
  let content = h("div", {}, empty("Looking …"));
  let asked = 0;
  let known = "";
  main.append(head(title, muted(under), h("span", { class: "space" }), choice), content);

  const names = () => Object.keys(data.services).filter((name) => fits(data.services[name]));
  const whole = new Map();
  const look = async () => {
    const name = chosen.get("service") || names()[0];
    const number = ++asked;
    if (!name) return;
    let next;
    try {
      const path = `services/${encodeURIComponent(name)}`;
      if (!live || !whole.has(name)) whole.set(name, await answer(`${path}/${page}`));
      next = draw({ ...whole.get(name), ...(live && await answer(`${path}/${live}`)) });
    } catch (error) {
      next = h("div", {}, h("section", { class: "card" }, h("p", { class: "note bad" }, prose(sentence(error)))));
    }
    if (number === asked) content = replaced(content, next);
  };
  const choose = () => {
    const now = names();
    if (now.join() === known && known) return;
    known = now.join();
    if (!now.length) {
      content = replaced(content, h("div", {}, empty(data.told.has("services") ? none : "Looking …")));
      choice.replaceChildren();
      return;
    }
    const current = chosen.get("service") || now[0];
    choice.replaceChildren(
      ...now.map((name) =>
        h("button", {
          type: "button",
          "aria-pressed": String(name === current),
          onclick: (event) => {
            chosen.set("service", name);
            for (const other of choice.children) {
              other.setAttribute("aria-pressed", String(other === event.currentTarget));
            }
            look();
          },
        }, name)
      ),
    );
    look();
  };
  choose();
  const unsubscribe = subscribe(["services", "overview"], choose);
  const endLooks = every ? regularly(look, every, false) : () => {};
  return () => {
    unsubscribe();
    endLooks();
    asked++;
  };
}
