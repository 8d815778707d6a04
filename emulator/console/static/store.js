// What the server tells: last values and rings. Subscribers are called once a frame at most, and not in hidden tabs.

const LIMITS = { events: 1000, access: 5000, lines: 10_000, traces: 500, metrics: 300 };
const HIDDEN_FOR = 10_000; // after so many ms a hidden tab gives its connections to others: a browser has six
const RETRY = 1000;

/** The last items of a kind. `base` is how many are gone from its front, `cut` whether there were older ones. */
export class Ring {
  constructor(most) {
    this.most = most;
    this.items = /** @type {any[]} */ ([]);
    this.base = 0;
    this.cut = false;
  }

  add(items) {
    for (const item of items) this.items.push(item);
    const over = this.items.length - this.most;
    if (over > 0) {
      this.items.splice(0, over);
      this.base += over;
      this.cut = true;
    }
  }
}

/** The moment that the page is about: now, or when a snapshot was made. */
export function now() {
  return data.hello?.snapshot ? Date.parse(data.hello.snapshot) : Date.now();
}

/**
 * @typedef {{ app: string, environment: string, instance: string, version: string, snapshot?: string }} Hello
 * @typedef {{ name: string, desired_count: number, running_count: number }} Service
 * @typedef {{ name: string, service: string, load_balancer: string, target_group: string, state: string,
 *   reason_code: string, description: string }} Target
 * @typedef {{ protocol: string, service: string, url: string, is_internal: boolean }} Listener
 * @typedef {{ app: string, environment: string, supervised: boolean, services: Service[], targets: Target[],
 *   listeners: Listener[], failures: string[], silent: string[], containers: any[],
 *   target_containers: Record<string, Record<string, string>> }} Overview
 */

export const data = {
  hello: /** @type {Hello | null} */ (null),
  overview: /** @type {Overview | null} */ (null),
  tasks: /** @type {any[]} */ ([]),
  rules: /** @type {any[]} */ ([]),
  services: /** @type {Record<string, any>} */ ({}),
  trouble: /** @type {{ message: string, hint: string } | null} */ (null),
  capture: /** @type {any} */ (null),
  events: new Ring(LIMITS.events),
  access: new Ring(LIMITS.access),
  lines: new Ring(LIMITS.lines),
  traces: new Ring(LIMITS.traces),
  metrics: new Ring(LIMITS.metrics),
  skipped: {},
  told: new Set(), // kinds that the server has told something of
  connection: "connecting",
};

let token = sessionStorage.getItem("token") ?? "";

/** Takes the token out of the address, where the command put it, or a code that is good once for it. */
export async function takeToken() {
  const found = /^#(token|code)=([\w-]+)(?:&to=(.*))?$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", `${location.pathname}#${found[3] ? decodeURIComponent(found[3]) : "/overview"}`);
  if (found[1] === "token") {
    token = found[2];
  } else {
    token = await tokenFor(found[2]);
  }
  sessionStorage.setItem("token", token);
}

async function tokenFor(code) {
  for (let tries = 1;; tries++) {
    try {
      const response = await fetch("/api/open", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ code }),
      });
      return response.ok ? (await response.json()).token : "";
    } catch {
      if (tries >= TRIES) return "";
      await new Promise((done) => setTimeout(done, AGAIN));
    }
  }
}

export function hasToken() {
  return token !== "";
}

/** Asks below /api/. */
export async function ask(path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${token}` };
  /** @type {RequestInit} */
  const options = { headers, signal, cache: "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  return await fetch(`/api/${path}`, options);
}

const ONCE = ["send", "aws/send", "aws/redrive"]; // what is not asked a second time
const AGAIN = 250; // ms
const TRIES = 20; // the networks of an environment that comes up change again and again

/** An answer that is one document. Throws an Error with the server's words, or that there are none.
 *
 * A browser ends its connections, those to this machine too, whenever a network of Docker comes or goes: then it is asked
 * again.
 */
export async function answer(path, body, signal) {
  for (let tries = ONCE.includes(path) ? TRIES : 1;; tries++) {
    try {
      const response = await ask(path, body, signal);
      const content = await response.json();
      if (response.ok) return content;
      throw new Refused(content.error);
    } catch (error) {
      if (error instanceof Refused || signal?.aborted) throw error;
      if (tries >= TRIES) throw new Refused({ message: "the console does not answer", hint: "" });
      await new Promise((done) => setTimeout(done, AGAIN));
    }
  }
}

/** Looks now, if it is the `first` time, and again so many ms after each look has ended, while the page is seen. Returns what ends that. */
export function regularly(look, every, first = true) {
  let timer = 0;
  let ended = false;
  const again = async () => {
    if (!document.hidden) await look();
    if (!ended) timer = setTimeout(again, every);
  };
  if (first) again();
  else timer = setTimeout(again, every);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

export class Refused extends Error {
  constructor({ message, hint }) {
    super(message);
    this.hint = hint;
  }
}

/** The lines of JSON of an answer, as they come. */
export async function* messages(response) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line);
  }
}

const subscribers = new Set();
const changed = new Set();
let frame = 0;

/** Calls `update` with the set of kinds that changed, of those that are named; returns what ends that. */
export function subscribe(kinds, update) {
  const one = { kinds, update };
  subscribers.add(one);
  return () => subscribers.delete(one);
}

export function tell(...kinds) {
  for (const kind of kinds) changed.add(kind);
  if (!frame) frame = requestAnimationFrame(flush);
}

function flush() {
  frame = 0;
  const now = new Set(changed);
  changed.clear();
  for (const { kinds, update } of [...subscribers]) if (kinds.some((kind) => now.has(kind))) update(now);
}

/** One stream of some kinds, which is opened again until it is closed. */
class Connection {
  constructor(kinds) {
    this.kinds = kinds;
    this.after = /** @type {Record<string, number>} */ ({});
    this.wanted = false;
    this.running = false;
    this.abort = new AbortController();
  }

  open() {
    this.wanted = true;
    if (!this.running) this.run();
  }

  close() {
    this.wanted = false;
    this.abort.abort();
  }

  async run() {
    this.running = true;
    while (this.wanted && data.connection !== "ended") {
      this.abort = new AbortController();
      try {
        await this.read();
      } catch (error) {
        if (error.name === "SyntaxError") console.warn("a line of the stream is no JSON");
      }
      if (data.connection === "ended" || !this.wanted) break;
      says("reconnecting");
      await new Promise((done) => setTimeout(done, RETRY));
    }
    this.running = false;
  }

  async read() {
    const after = Object.entries(this.after).map(([kind, number]) => `${kind}:${number}`).join(",");
    const query = new URLSearchParams({ kinds: this.kinds.join(","), after, of: data.hello?.instance ?? "" });
    const response = await ask(`stream?${query}`, undefined, this.abort.signal);
    if (response.status === 401 || response.status === 421) return says("ended");
    if (!response.ok) return;
    for await (const message of messages(response)) this.take(message);
  }

  take({ k: kind, v: value, n: number }) {
    if (kind === "hello") {
      if (data.hello && data.hello.instance !== value.instance) return says("ended");
      data.hello = value;
      says("live");
    } else if (kind === "skipped") {
      for (const [name, many] of Object.entries(value)) data.skipped[name] = (data.skipped[name] ?? 0) + many;
    } else if (data[kind] instanceof Ring) {
      if (this.after[kind] === undefined && number > value.length) data[kind].cut = true;
      this.after[kind] = number;
      data[kind].add(value);
    } else if (kind !== "ping") {
      data[kind] = value;
    }
    if (kind === "ping") return;
    data.told.add(kind);
    tell(kind);
  }
}

function says(connection) {
  if (data.connection === connection || data.connection === "ended") return;
  data.connection = connection;
  tell("connection");
}

const main = new Connection([
  "overview",
  "tasks",
  "rules",
  "services",
  "trouble",
  "events",
  "access",
  "capture",
  "traces",
]);
const others = { lines: new Connection(["lines"]), metrics: new Connection(["metrics"]) };
const wanted = new Set([main]);

export function start() {
  let timer = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => wanted.forEach((one) => one.close()), HIDDEN_FOR);
    else wanted.forEach((one) => one.open());
  });
  main.open();
}

/** From now on what is read beside the rest: `lines` of containers, `metrics`. */
export function want(kind) {
  if (wanted.has(others[kind])) return;
  wanted.add(others[kind]);
  others[kind].open();
}

/** No longer: what was read stays. */
export function leave(kind) {
  wanted.delete(others[kind]);
  others[kind].close();
}
