// Reads raw 16-bit samples at 16 kHz: ffmpeg -i talk.mp3 -ac 1 -ar 16000 -f s16le - | node send.mjs ws://localhost:8765

import { Emoscope } from "./emoscope.js"; // Node 22 or later; before, give { WebSocket } of the package `ws`

const client = new Emoscope(process.argv[2], { config: { pace: "fast", interim: false } })
  .on("emotion.final", ({ start, end, label, confidence }) =>
    console.log(`${start.toFixed(1)}–${end.toFixed(1)} s  ${label} ${confidence.toFixed(2)}`),
  )
  .on("lost", () => console.error("the connection is lost; trying again"))
  .open();

let odd = Buffer.alloc(0);
for await (const part of process.stdin) {
  const bytes = Buffer.concat([odd, part]);
  const whole = bytes.length - (bytes.length % 2);
  odd = bytes.subarray(whole);
  await client.send(new Int16Array(new Uint8Array(bytes.subarray(0, whole)).buffer)); // waits until the server has room
}
await client.finish();
