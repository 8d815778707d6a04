// Spans of OpenTelemetry, with the ids and the header of X-Ray: the collector sends them there.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { AWSXRayIdGenerator } from "@opentelemetry/id-generator-aws-xray";
import { AWSXRayPropagator } from "@opentelemetry/propagator-aws-xray";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider({
  idGenerator: new AWSXRayIdGenerator(),
  resource: resourceFromAttributes({ "service.name": "worker" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: 500 })],
});
provider.register({ propagator: new AWSXRayPropagator() });
const tracer = provider.getTracer("worker");

// Does something with a message of SNS, in a span below the one that the message names.
export async function handling(name, { MessageAttributes = {} }, act) {
  const carrier = Object.fromEntries(Object.entries(MessageAttributes).map(([key, { Value }]) => [key.toLowerCase(), Value]));
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  await tracer.startActiveSpan(name, { kind: SpanKind.CONSUMER }, parent, async (span) => {
    try {
      await act();
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

// The headers with which a request goes on with the trace.
export function onward() {
  const headers = {};
  propagation.inject(context.active(), headers);
  return headers;
}
