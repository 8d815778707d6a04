// The shell: pages, panel, keys, theme. A page is a module with `title`, and `show(main, query)`, which returns what ends it.

import { act } from "./actions.js";
import { byId, control, dialogue, h, icon } from "./dom.js";
import { closePanel, hasPanel, openTask } from "./panel.js";
import { data, hasToken, start, subscribe, takeToken } from "./store.js";

const PAGES = [
  { name: "overview", title: "Overview", key: "o" },
  { name: "requests", title: "Requests", key: "r" },
  { name: "balancer", title: "Load balancer", key: "b" },
  { name: "traces", title: "Traces", key: "t" },
  { name: "logs", title: "Logs", key: "l" },
  { name: "firelens", title: "FireLens", key: "f" },
  { name: "events", title: "Events", key: "e" },
  { name: "deployments", title: "Deployments", key: "d" },
  { name: "metrics", title: "Metrics", key: "u" },
  { name: "connect", title: "Service Connect", key: "c" },
  { name: "manifest", title: "Manifest", key: "m" },
  { name: "store", title: "Local AWS", key: "q" },
];

const MOMENT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

let end = () => {};
let shown = "";

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: PAGES.some((page) => page.name === path) ? path : "overview", query: new URLSearchParams(query) };
}

async function go() {
  const { name, query } = route();
  const main = byId("main");
  const task = query.get("task-panel");
  if (task) openTask(task);
  else closePanel();
  if (shown === `${name}?${without(query)}`) return;
  const moved = shown.split("?")[0] !== name;
  shown = `${name}?${without(query)}`;
  drawRail();
  const page = await moduleOf(name);
  if (!page || route().name !== name) return; // another page was chosen meanwhile
  end();
  main.replaceChildren();
  end = page.show(main, query) ?? (() => {});
  document.title = `${PAGES.find((one) => one.name === name)?.title} – ${data.hello?.app ?? "copilot-local"}`;
  if (moved) main.scrollTop = 0;
}

/** The module of a page, asked for until it comes, or another page is chosen: a browser loses its connections whenever a
 * network of Docker changes. */
async function moduleOf(name) {
  for (let again = 0;; again++) {
    try {
      return await import(`./pages/${name}.js${again ? `?${again}` : ""}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      if (route().name !== name) return null;
      await new Promise((done) => setTimeout(done, 250));
    }
  }
}

function without(query) {
  const rest = new URLSearchParams(query);
  rest.delete("task-panel");
  return rest;
}

function drawRail() {
  const { name } = route();
  const said = {
    live: "live",
    connecting: "connecting",
    reconnecting: "reconnecting: what is shown is old",
    ended: "this console has ended",
  };
  if (data.hello?.snapshot && data.connection === "live") {
    said.live = `snapshot, ${MOMENT.format(new Date(data.hello.snapshot)).replaceAll(" ", "\u00a0")}`;
  }
  document.body.classList.toggle("snapshot", Boolean(data.hello?.snapshot));
  const tone = { live: "ok", ended: "bad" }[data.connection] ?? "wait";
  byId("rail").replaceChildren(
    h(
      "div",
      { class: "brand" },
      h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }),
      h("span", {}, "copilot-local"),
    ),
    h(
      "div",
      { class: "where" },
      h("strong", {}, data.hello?.app ?? "…"),
      h("span", {}, `environment ${data.hello?.environment ?? "…"}`),
    ),
    h(
      "ul",
      { class: "pages" },
      PAGES.map((page) =>
        h(
          "li",
          {},
          h(
            "a",
            {
              href: `#/${page.name}`,
              "aria-current": page.name === name ? "page" : undefined,
              title: `${page.title} (g ${page.key})`,
            },
            icon(page.name),
            h("span", {}, page.title),
          ),
        )
      ),
    ),
    h(
      "div",
      { class: "foot" },
      h(
        "span",
        { class: `connection ${tone}`, role: "status", title: said[data.connection] },
        h("span", { "aria-hidden": "true", class: "shape" }, tone === "ok" ? "●" : tone === "bad" ? "◆" : "■"),
        h("span", {}, said[data.connection]),
      ),
      h("button", {
        type: "button",
        class: "round",
        "aria-label": "Light or dark (t)",
        title: "Light or dark (t)",
        onclick: turnTheme,
      }, icon("theme")),
      h(
        "button",
        { type: "button", class: "round", "aria-label": "Keys (?)", title: "Keys (?)", onclick: showKeys },
        icon("help"),
      ),
    ),
  );
  document.body.classList.toggle("old", data.connection === "reconnecting" || data.connection === "ended");
}

function turnTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

function showKeys() {
  const rows = [
    ...PAGES.map((page) => [`g ${page.key}`, page.title]),
    ["/", "Search on this page"],
    ["t", "Light or dark"],
    ["space", "Pause what comes"],
    ["Esc", "Close the panel"],
  ];
  const dialog = dialogue();
  dialog.replaceChildren(
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", { class: "keys" }, rows.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("button", { type: "button", class: "button", autofocus: true, onclick: () => dialog.close() }, "Close"),
  );
  dialog.showModal();
}

let before = "";

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || dialogue().open) return;
  if (event.key === "Escape" && hasPanel()) return closePanel(true);
  if (event.target.closest("input, textarea, select")) return;
  const page = before === "g" ? PAGES.find((one) => one.key === event.key) : undefined;
  before = event.key;
  if (page) location.hash = `#/${page.name}`;
  else if (event.key === "/") control("#main [type=search]")?.focus();
  else if (event.key === "t") turnTheme();
  else if (event.key === "?") showKeys();
  else if (event.key === " " && !event.target.closest("button, a")) control("#main [data-k=pause]")?.click();
  else return;
  event.preventDefault();
}

function refuse(text) {
  byId("main").replaceChildren(h("h1", {}, "No access"), h("p", { class: "empty" }, text));
}

const stored = localStorage.getItem("theme");
if (stored) document.documentElement.dataset.theme = stored;
drawRail();
await takeToken();
if (hasToken()) {
  subscribe(["hello", "connection"], drawRail);
  addEventListener("hashchange", async () => {
    await takeToken();
    go();
  });
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    const found = /** @type {HTMLElement} */ (event.target).closest("[data-act]");
    if (found instanceof HTMLElement) act(JSON.parse(found.dataset.act ?? ""), found.textContent);
  });
  start();
  go();
} else {
  refuse("Open the address that `copilot-local console` printed: it holds the token of this page.");
}
