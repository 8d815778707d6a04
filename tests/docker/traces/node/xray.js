// X-Ray's SDK, as its documentation has it for servers without a framework.
const http = require("node:http");
const AWSXRay = require("aws-xray-sdk-core");

AWSXRay.captureHTTPsGlobal(http);
const { serve } = require("./server");
const { middleware } = AWSXRay;

http.createServer((request, response) => {
  const came = middleware.processHeaders(request);
  const segment = new AWSXRay.Segment(process.env.COPILOT_SERVICE_NAME, came.root, came.parent);
  middleware.resolveSampling(came, segment, response);
  segment.addIncomingRequestData(new middleware.IncomingRequestData(request));
  AWSXRay.getNamespace().run(() => {
    AWSXRay.setSegment(segment);
    serve(request, response, segment.trace_id, () => {
      segment.http.close(response);
      segment.close();
    });
  });
}).listen(8080);
