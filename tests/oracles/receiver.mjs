// A merchant's webhook receiver, as its developer would write it with the official library.
//
// Reads one JSON object per line on standard input: {"secrets": [..], "answers": [500, 200]}; answers are used up in
// order, the last one stays. Writes {"port"} and then one line per request: whether each secret verified it.
// Ends when its input ends.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let secrets = [];
let answers = [200];
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const verifies = (secret, body, headers) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8");
    const headers = request.headers;
    const status = answers.length > 1 ? answers.shift() : answers[0];
    say({
      id: headers["webhook-id"],
      timestamp: Number(headers["webhook-timestamp"]),
      content_type: headers["content-type"],
      signatures: (headers["webhook-signature"] ?? "").split(" ").length,
      verified: secrets.map((secret) => verifies(secret, body, headers)),
      tampered: secrets.map((secret) => verifies(secret, `${body} `, headers)),
      body,
    });
    response.writeHead(status, { "content-type": "text/plain" });
    response.end(`status ${status}`);
  });
});

server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
createInterface({ input: process.stdin })
  .on("line", (line) => {
    ({ secrets, answers } = JSON.parse(line));
    say({ ready: true });
  })
  .on("close", () => process.exit(0));
