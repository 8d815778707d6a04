// Loads the page. A browser loses its connections, those to this machine too, whenever a network of Docker changes, and
// does not ask again for a module or a style sheet: this does.

const AGAIN = 250; // ms

/** A sheet that was lost, once more. A script waits for those that are still to come.
 * @param {HTMLLinkElement} link
 */
function style(link, again = 1) {
  if (isThere(link)) return;
  const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
  next.href = `${link.href.split("?")[0]}?${again}`;
  next.addEventListener("error", () => setTimeout(() => style(next, again + 1), AGAIN));
  link.replaceWith(next);
}

/** @param {HTMLLinkElement} link */
function isThere(link) {
  try {
    return Boolean(link.sheet?.cssRules.length);
  } catch {
    return false; // Chromium refuses to tell of a sheet that it has not got
  }
}

async function load(again = 0) {
  try {
    await import(`./app.js${again ? `?${again}` : ""}`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    setTimeout(() => load(again + 1), AGAIN);
  }
}

for (const link of document.querySelectorAll("link[rel=stylesheet]")) {
  if (link instanceof HTMLLinkElement) style(link);
}
load();
