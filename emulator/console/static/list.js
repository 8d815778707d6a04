// A list of many rows of one height: only those that are seen are in the document, and are used again while it scrolls.

import { h } from "./dom.js";

const SPARE = 6; // rows above and below what is seen

export class List {
  /** `draw(item)` gives the cells of a row, `open(item)` is called for the row that is chosen. */
  constructor({ label, height, draw, open, tone = (_item) => "", columns }) {
    this.height = height;
    this.drawn = draw;
    this.open = open;
    this.tone = tone;
    this.keep = (_item) => true;
    this.kept = []; // {item, number}: what passes the filter
    this.ring = null;
    this.seen = 0; // the number of the next item to look at
    this.follows = true;
    this.paused = false;
    this.selected = -1;
    this.rows = new Map();
    this.old = new Set(); // numbers of rows that may show what is no longer so
    this.free = [];
    this.space = h("div", { class: "space-of-rows" });
    this.view = h("div", {
      class: "rows",
      tabindex: 0,
      role: "log",
      "aria-live": "off",
      "aria-label": label,
      onscroll: () => this.scrolled(),
      onkeydown: (event) => this.pressed(event),
    }, this.space);
    this.view.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (row && !String(getSelection())) this.choose(Number(row.dataset.at), true);
    });
    this.element = h("div", { class: "list" });
    this.element.style.setProperty("--columns", columns);
    this.element.style.setProperty("--row", `${height}px`);
    this.watcher = new ResizeObserver(() => this.paint());
    this.watcher.observe(this.view);
  }

  /** The heads of the columns, and the list. */
  withHeads(...heads) {
    this.element.append(h("div", { class: "heads" }, heads.map((head) => h("span", {}, head))), this.view);
    return this.element;
  }

  end() {
    this.watcher.disconnect();
  }

  /** Shows what of a ring passes a filter, from the beginning. */
  filter(keep) {
    this.keep = keep;
    this.kept = [];
    this.seen = this.ring?.base ?? 0;
    this.selected = -1;
    this.follows = true;
    if (this.ring) this.update(this.ring, true);
  }

  /** Shows another ring in place of the one before, where the reader is. */
  swap(ring, keep) {
    Object.assign(this, { ring, keep, kept: [], seen: ring.base, old: new Set(this.rows.keys()) });
    this.update(ring, true);
  }

  /** Looks at what is new in the ring. */
  update(ring, anyway = false) {
    this.ring = ring;
    if (this.paused && !anyway) return;
    let gone = 0;
    while (gone < this.kept.length && this.kept[gone].number < ring.base) gone++;
    if (gone) {
      this.kept.splice(0, gone);
      this.selected -= gone;
      if (!this.follows) this.view.scrollTop -= gone * this.height;
    }
    this.seen = Math.max(this.seen, ring.base);
    const end = ring.base + ring.items.length;
    for (; this.seen < end; this.seen++) {
      const item = ring.items[this.seen - ring.base];
      if (this.keep(item)) this.kept.push({ item, number: this.seen });
    }
    this.paint();
  }

  paint() {
    this.space.style.height = `${this.kept.length * this.height}px`;
    if (this.follows) {
      this.byUs = true; // a scroll event of ours is none of the user's
      this.view.scrollTop = this.kept.length * this.height;
    }
    const first = Math.max(Math.floor(this.view.scrollTop / this.height) - SPARE, 0);
    const last = Math.min(first + Math.ceil(this.view.clientHeight / this.height) + 2 * SPARE, this.kept.length);
    const shown = new Set(this.kept.slice(first, last).map((one) => one.number));
    for (const [number, row] of this.rows) {
      if (!shown.has(number)) {
        this.rows.delete(number);
        this.free.push(row);
      }
    }
    for (let at = first; at < last; at++) this.place(at);
    for (const row of this.free.splice(0)) row.remove();
    this.old.clear();
  }

  place(at) {
    const { item, number } = this.kept[at];
    let row = this.rows.get(number);
    if (!row || this.old.has(number)) {
      row ??= this.free.pop() ?? this.space.appendChild(h("div"));
      fill(row, this.drawn(item).map((cell) => (cell instanceof Node ? cell : h("span", {}, cell))));
      this.rows.set(number, row);
    }
    const style = `line ${this.tone(item)} ${at === this.selected ? "selected" : ""}`;
    if (row.className !== style) row.className = style;
    row.dataset.at = at;
    row.style.transform = `translateY(${at * this.height}px)`;
  }

  /** Draws every row anew: something beside the items has changed. */
  redraw() {
    this.old = new Set(this.rows.keys());
    this.paint();
  }

  scrolled() {
    if (!this.byUs) {
      this.follows = this.view.scrollTop + this.view.clientHeight >= this.space.clientHeight - this.height;
    }
    this.byUs = false;
    this.paint();
  }

  pressed(event) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step) {
      this.choose(
        Math.min(Math.max(this.selected < 0 ? this.kept.length - 1 : this.selected + step, 0), this.kept.length - 1),
      );
    } else if (event.key === "Enter" && this.kept[this.selected]) this.open(this.kept[this.selected].item);
    else if (event.key === "End") this.follows = true;
    else return;
    event.preventDefault();
    this.paint();
  }

  choose(at, opens = false) {
    if (!this.kept[at]) return;
    this.selected = at;
    this.follows = false;
    const [top, bottom] = [at * this.height, (at + 1) * this.height];
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    if (bottom > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = bottom - this.view.clientHeight;
    this.paint();
    if (opens) this.open(this.kept[at].item);
  }
}

/** Gives a row its cells. Those that are the same stay: a click on one that is replaced meanwhile would be lost. */
function fill(row, cells) {
  cells.forEach((cell, at) => {
    const before = row.children[at];
    if (!before) row.append(cell);
    else if (!before.isEqualNode(cell)) before.replaceWith(cell);
  });
  while (row.children.length > cells.length) row.lastElementChild.remove();
}
