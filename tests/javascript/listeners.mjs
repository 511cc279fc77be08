// What listeners do to a stream: `node listeners.mjs URL`, raw 16-bit samples on stdin. Prints one JSON object.

import { Emoscope } from "../../demo/javascript/emoscope.js";
import { PlainWebSocket } from "./plain_websocket.mjs";

const parts = [];
for await (const part of process.stdin) parts.push(part);
const bytes = Buffer.concat(parts);
const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);

let reported = 0;
process.on("uncaughtException", () => (reported += 1));

const WebSocket = globalThis.WebSocket ?? PlainWebSocket;
const client = new Emoscope(process.argv[2], { config: { pace: "fast" }, WebSocket });
const listening = new Set();
const { on, off } = client;
client.on = (type, listener) => (listening.add(listener), on.call(client, type, listener));
client.off = (type, listener) => (listening.delete(listener), off.call(client, type, listener));

let [finals, removed] = [0, 0];
const counted = () => (removed += 1);
on.call(client, "event", () => {
  throw new Error("a fault of the program that uses the client");
});
on.call(client, "emotion.final", () => (finals += 1));
on.call(client, "emotion.final", counted);
off.call(client, "emotion.final", counted);

const left = (async () => {
  for await (const event of client) if (event.type === "emotion.final") break;
})();
client.open();
await client.send(samples);
await client.finish();
await left;
process.stdout.write(JSON.stringify({ finals, removed, reported, listening: listening.size }));
process.exit(0);
