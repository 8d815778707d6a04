// Controls above lists. What is chosen stands in the address.

import { button, h } from "./dom.js";

/** What is chosen on a page, in its address. */
export class Chosen {
  constructor(page, query, defaults) {
    this.page = page;
    this.defaults = defaults;
    this.values = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, query.get(name) ?? value]));
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    const query = new URLSearchParams(Object.entries(this.values).filter(([key, one]) => one !== this.defaults[key]));
    history.replaceState(null, "", `#/${this.page}${query.size ? `?${query}` : ""}`);
  }
}

/** Text, or a regular expression between slashes; a search that is no expression yet finds text. */
export function matcher(text) {
  const found = /^\/(.+)\/$/.exec(text);
  if (found) {
    try {
      const pattern = new RegExp(found[1], "i");
      return (line) => pattern.test(line);
    } catch {
      // while it is typed
    }
  }
  const wanted = text.toLowerCase();
  return wanted ? (line) => line.toLowerCase().includes(wanted) : () => true;
}

export function search(chosen, name, label, update) {
  return h("input", {
    type: "search",
    value: chosen.get(name),
    placeholder: label,
    "aria-label": label,
    oninput: (event) => {
      chosen.set(name, event.target.value);
      update();
    },
  });
}

/** One of several, as buttons: `options` are pairs of value and word. */
export function oneOf(chosen, name, label, options, update) {
  const group = h("div", { class: "segments", role: "group", "aria-label": label });
  for (const [value, word] of options) {
    group.append(h("button", {
      type: "button",
      "aria-pressed": String(chosen.get(name) === value),
      onclick: (event) => {
        chosen.set(name, value);
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
        update();
      },
    }, word));
  }
  return group;
}

export function pauser(list) {
  const control = button("Pause", () => {
    list.paused = !list.paused;
    control.setAttribute("aria-pressed", String(list.paused));
    control.lastChild.textContent = list.paused ? "Go on" : "Pause";
    if (!list.paused && list.ring) list.update(list.ring);
  }, { name: "pause", key: "pause" });
  return control;
}

/** What a reader missed, where the server had more than it kept. */
export function skippedNote(data, kind, word) {
  const many = data.skipped[kind];
  return many ? `${many.toLocaleString("en-US")} ${word} were not shown: they came faster than they were read` : "";
}
