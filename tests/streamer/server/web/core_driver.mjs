// For web_core.py: a client core of the page, told over stdin what happens to it, one JSON array a line.

import { createInterface } from "node:readline";

import { ClientCore } from "../../../../streamer/server/web/client/core.js";
import { RingBuffer } from "../../../../streamer/server/web/client/ring_buffer.js";

let core;

const commands = {
  /** A new core with small messages; with `capacity`, its ring buffer never grows. */
  begin({ pace, messageSize, limits, capacity }) {
    core = new ClientCore({ pace }, () => 0.5);
    core.changes = {}; // the reference server has no options
    core.buffer.messageSize = messageSize;
    core.buffer.applyLimits(limits);
    if (capacity) {
      core.buffer.ring = new RingBuffer(1, capacity);
      core.buffer.applyLimits = () => {};
    }
  },
  append: (bytes) => core.buffer.append(Int16Array.from(bytes)),
  command: (message) => core.buffer.appendCommand(message),
  finish: () => core.finish(),
  opened: (now) => core.connectionOpened(now),
  next(now) {
    const message = core.nextMessage(now);
    return message instanceof Int16Array ? { audio: [...message] } : { message };
  },
  receive: (text, now) => core.receive(text, now),
  closed: (code, now) => core.connectionClosed(code, "", now),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line);
  const result = commands[name](...values) ?? null;
  const warnings = core.warnings.splice(0);
  process.stdout.write(`${JSON.stringify({ result, warnings, failure: core.failure })}\n`);
}
