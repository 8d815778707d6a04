// Two programs of one container: OpenTelemetry's at 8081, and then, once that listens, X-Ray's at 8080.
const { fork } = require("node:child_process");

const start = (file) => fork(`${__dirname}/${file}`).on("exit", (code) => process.exit(code ?? 1));
start("otel.js").once("message", () => start("xray.js"));
process.on("SIGTERM", () => process.exit(0));
