// Sends raw 16-bit samples from stdin: `node send.mjs URL {"rate": ..., "config": ..., "block": ...}`. Each event is a line of stdout.
// A line on stderr tells that the connection was lost. With `iterate`, events come by `for await`.

import { Emoscope } from "../../demo/javascript/emoscope.js";
import { PlainWebSocket } from "./plain_websocket.mjs";

const [url, options] = [process.argv[2], JSON.parse(process.argv[3] ?? "{}")];
const { rate = 16_000, block = 4_000, config = {}, float = false, flushAt = [] } = options;
const parts = [];
for await (const part of process.stdin) parts.push(part);
const bytes = Buffer.concat(parts);
const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);

const WebSocket = globalThis.WebSocket ?? PlainWebSocket;
const client = new Emoscope(url, { config, WebSocket, token: options.token })
  .on("lost", () => process.stderr.write("lost\n"))
  .open();
const write = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
if (!options.iterate) client.on("event", write);
const iterated = options.iterate ? iterate() : null;
async function iterate() {
  for await (const event of client) write(event);
}
for (let begin = 0; begin < samples.length; begin += block) {
  const part = samples.slice(begin, begin + block);
  await client.send(float ? Float32Array.from(part, (x) => x / 32_768) : part, rate);
  if (flushAt.includes(begin / block)) client.flush();
}
try {
  await client.finish();
  await iterated;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
