// Manifest: as it counts for this environment, each value with its line, and what `validate` finds.

import { badge, card, h, prose, table } from "../dom.js";
import { servicePage } from "../service.js";

export function show(main, query) {
  return servicePage(main, query, {
    page: "manifest",
    title: "Manifest",
    under: "the file as it is now, merged for this environment",
    fits: (one) => one.manifest !== "",
    none: "No service that runs here has a manifest.",
    draw,
  });
}

function draw({ path, lines, findings }) {
  const about = new Map();
  for (const finding of findings) {
    if (finding.line) about.set(finding.line, [...(about.get(finding.line) ?? []), finding]);
  }
  return h(
    "div",
    { class: "stack" },
    findings.length > 0 &&
      card("Findings", h("ul", { class: "findings" }, findings.map(findingView))),
    lines.length > 0 &&
      card(
        h("code", {}, path),
        table(
          "Manifest",
          [["Line", "number"], "Value", "From"],
          lines.map((line) =>
            h(
              "tr",
              { class: about.has(line.line) ? "marked" : "" },
              h("td", { class: "number muted" }, h("code", {}, line.line)),
              h("td", { class: "most" }, h("pre", {}, line.text)),
              h(
                "td",
                { class: "muted" },
                [
                  line.environment && `environment ${line.environment}`,
                  line.variables.length && `with ${line.variables.join(", ")}`,
                  ...(about.get(line.line) ?? []).map((one) => one.code),
                ].filter(Boolean).join(", "),
              ),
            )
          ),
          "code",
        ),
      ),
  );
}

function findingView(finding) {
  return h(
    "li",
    {},
    badge(finding.severity === "error" ? "bad" : "wait", finding.severity),
    h(
      "div",
      {},
      h("p", {}, h("strong", {}, finding.path && `${finding.path}: `), prose(finding.message)),
      finding.hint && h("p", { class: "muted" }, prose(finding.hint)),
      h("p", { class: "muted" }, h("code", {}, finding.position), " ", h("code", {}, finding.code)),
    ),
  );
}
