// The load balancer's access log as numbers. The fields are those of `logs --access --format json`.

import { now } from "./store.js";

const REQUEST = /^(\S+) (\S+) (\S+)$/;

const known = new WeakMap();

/** A record of the access log as a page shows it. */
export function request(record) {
  if (!known.has(record)) known.set(record, read(record));
  return known.get(record);
}

function read(record) {
  const [, method = "-", url = ""] = REQUEST.exec(record.request) ?? [];
  const began = Date.parse(record.request_creation_time);
  return {
    record,
    method,
    url,
    path: url.replace(/^[a-z]+:\/\/[^/]*/, ""),
    began,
    ended: Date.parse(record.time),
    ms: Date.parse(record.time) - began,
    status: record.elb_status_code,
    service: record.service ?? "",
    trace: record.trace_id ?? "",
  };
}

/** The listener that a request came to, by the protocol that the access log names. */
export function listenerOf(one) {
  return ["https", "wss", "h2", "grpcs"].includes(one.record.type) ? "HTTPS" : "HTTP";
}

export function statusTone(status) {
  if (status >= 500) return "bad";
  return status >= 400 ? "wait" : "ok";
}

/** What came in the last `seconds`, or in as many of them as the ring covers. */
export function recent(ring, seconds) {
  const until = now();
  const from = until - seconds * 1000;
  const found = [];
  let oldest = until;
  for (let at = ring.items.length - 1; at >= 0; at--) {
    const one = request(ring.items[at]);
    if (one.ended < from) return { found: found.reverse(), seconds };
    found.push(one);
    oldest = one.ended;
  }
  const covered = ring.cut ? Math.max(Math.round((until - oldest) / 1000), 1) : seconds;
  return { found: found.reverse(), seconds: Math.min(covered, seconds) };
}

/** The value that a share of the numbers does not exceed. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted.length ? sorted[Math.min(Math.ceil(share * sorted.length) - 1, sorted.length - 1)] : undefined;
}
