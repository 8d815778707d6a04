// The shop's door: passes requests on to the api, by its name in Service Connect, and traces them with X-Ray's SDK.
const http = require("node:http");
const AWSXRay = require("aws-xray-sdk-core");

AWSXRay.captureHTTPsGlobal(http);
AWSXRay.setContextMissingStrategy("IGNORE_ERROR");
const { middleware } = AWSXRay;

function pass(request, response) {
  const { method, url, headers } = request;
  const asked = http.request({ host: "api", port: 8080, method, path: url, headers: { ...headers, host: "api" } });
  asked.on("response", (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  asked.on("error", (error) => response.writeHead(502).end(JSON.stringify({ error: error.message })));
  request.pipe(asked);
}

function trace(request, response, act) {
  const came = middleware.processHeaders(request);
  const segment = new AWSXRay.Segment("web", came.root, came.parent);
  middleware.resolveSampling(came, segment, response);
  segment.addIncomingRequestData(new middleware.IncomingRequestData(request));
  response.on("finish", () => {
    console.log(`${request.method} ${request.url} ${response.statusCode} ${segment.trace_id}`);
    segment.http.close(response);
    segment.close();
  });
  const namespace = AWSXRay.getNamespace();
  namespace.run(() => {
    AWSXRay.setSegment(segment);
    act(request, response);
  });
}

process.on("SIGTERM", () => process.exit(0));
http.createServer((request, response) => {
  if (request.url === "/health") response.end("{}");
  else trace(request, response, pass);
}).listen(8080);
