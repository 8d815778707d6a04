// Requests as an HTTP archive (HAR 1.2), which the browsers' own tools and others open.

import { data } from "./store.js";

/** The archive of records of the access log, as `request()` shows them. */
export function harOf(requests) {
  return {
    log: {
      version: "1.2",
      creator: { name: "copilot-local", version: data.hello?.version ?? "" },
      entries: requests.map(entryOf),
    },
  };
}

function entryOf({ record, method, url, began, ms, status, trace }) {
  const time = Number.isFinite(ms) ? Math.max(ms, 0) : 0;
  const version = /HTTP\/[\d.]+$/.exec(record.request)?.[0] ?? "HTTP/1.1";
  const headers = [["User-Agent", record.user_agent], ["X-Amzn-Trace-Id", trace]].filter(([, value]) =>
    value && value !== "-"
  );
  return {
    startedDateTime: new Date(began).toISOString(),
    time,
    request: {
      method,
      url,
      httpVersion: version,
      cookies: [],
      headers: headers.map(([name, value]) => ({ name, value })),
      queryString: queryOf(url),
      headersSize: -1,
      bodySize: -1,
    },
    response: {
      status,
      statusText: "",
      httpVersion: version,
      cookies: [],
      headers: [],
      content: { size: sizeOf(record.sent_bytes), mimeType: "" },
      redirectURL: "",
      headersSize: -1,
      bodySize: sizeOf(record.sent_bytes),
    },
    cache: {},
    timings: { send: 0, wait: time, receive: 0 },
    comment: [record.service, record.target].filter((one) => one && one !== "-").join(" "),
  };
}

function sizeOf(bytes) {
  const number = Number(bytes);
  return Number.isFinite(number) ? number : -1;
}

function queryOf(url) {
  const at = url.indexOf("?");
  return at < 0 ? [] : [...new URLSearchParams(url.slice(at + 1))].map(([name, value]) => ({ name, value }));
}

/** Lets the browser save a document as a file. */
export function save(content, name) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
