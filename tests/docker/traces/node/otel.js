// OpenTelemetry with the ids and the header of X-Ray, as AWS's documentation has it. The path says which exporter sends
// the spans of a trace: `/node-grpc/…`, `/node-proto/…` or `/node-http/…`.
const { NodeTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { AWSXRayIdGenerator } = require("@opentelemetry/id-generator-aws-xray");
const { AWSXRayPropagator } = require("@opentelemetry/propagator-aws-xray");
const { trace } = require("@opentelemetry/api");

const kinds = new Map();
const senders = Object.fromEntries(
  ["grpc", "proto", "http"].map((kind) => {
    const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
    return [kind, new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: 200 })];
  }),
);
const chosen = {
  onStart: () => {},
  onEnd: (span) => senders[kinds.get(span.spanContext().traceId)]?.onEnd(span),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const provider = new NodeTracerProvider({
  idGenerator: new AWSXRayIdGenerator(),
  resource: resourceFromAttributes({ "service.name": "node-otel" }),
  spanProcessors: [chosen],
});
provider.register({ propagator: new AWSXRayPropagator() });
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });

const http = require("node:http");
const { serve } = require("./server");
http.createServer((request, response) => {
  const id = trace.getActiveSpan().spanContext().traceId;
  kinds.set(id, /^\/node-(\w+)/.exec(request.url)?.[1]);
  serve(request, response, id);
}).listen(8081, () => process.send("listens"));
