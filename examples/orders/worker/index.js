// Ships what is paid, and writes the ledger in the order in which it happened.
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createClient } from "redis";
import { handling, onward } from "./tracing.js";

const sqs = new SQSClient({});
const cache = await createClient({ url: process.env.REDIS_URL }).connect();

async function ship({ id, item }) {
  if (item === "poison") throw new Error(`nothing ships ${item}`);
  const answer = await fetch(`http://api:8080/orders/${id}/shipped`, { method: "POST", headers: onward() });
  if (!answer.ok) throw new Error(`the api says ${answer.status}`);
  console.log(`shipped ${item} ${id}`);
}

async function write({ id, item }) {
  await cache.rPush("ledger", item);
  console.log(`wrote ${item} ${id}`);
}

async function consume(queue, handle) {
  for (;;) {
    const received = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 10 }),
    );
    for (const message of received.Messages ?? []) {
      try {
        const envelope = JSON.parse(message.Body); // SNS's, around what the api published
        await handling(handle.name, envelope, () => handle(JSON.parse(envelope.Message)));
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: message.ReceiptHandle }));
      } catch (error) {
        console.log(`failed: ${error.message}`); // it comes again, and then goes to the dead letters
      }
    }
  }
}

process.on("SIGTERM", () => process.exit(0));
const { apiPlacedEventsQueue: placed } = JSON.parse(process.env.COPILOT_TOPIC_QUEUE_URIS);
console.log("waiting for orders");
await Promise.all([consume(placed, ship), consume(process.env.COPILOT_QUEUE_URI, write)]);
