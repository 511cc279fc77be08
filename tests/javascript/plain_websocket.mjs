// A WebSocket for Node versions that have none: what the client needs of the browser's, over Node's own HTTP client.

import { randomBytes } from "node:crypto";
import { request } from "node:http";

const [TEXT, BINARY, CLOSE, PING, PONG] = [1, 2, 8, 9, 10];

export class PlainWebSocket {
  readyState = 0;
  onopen = this.onmessage = this.onclose = this.onerror = () => {};
  #socket = null;
  #held = Buffer.alloc(0);
  #parts = [];
  #closed = { code: 1006, reason: "" };

  constructor(url, protocol) {
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      "Sec-WebSocket-Protocol": protocol,
    };
    this.request = request(String(url).replace(/^ws/, "http"), { headers });
    this.request.on("upgrade", (_, socket, head) => this.#opened(socket, head));
    this.request.on("response", (response) => {
      response.resume();
      this.#end();
    });
    this.request.on("error", () => this.#end());
    this.request.end();
  }

  get bufferedAmount() {
    return this.#socket?.writableLength ?? 0;
  }

  send(data) {
    if (typeof data === "string") this.#write(TEXT, Buffer.from(data));
    else this.#write(BINARY, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  close(code = 1000, reason = "") {
    if (this.readyState > 1) return;
    if (this.readyState === 0) {
      this.request.destroy();
      return;
    }
    this.readyState = 2;
    const body = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
    this.#write(CLOSE, body);
    setTimeout(() => this.#socket.destroy(), 2_000).unref();
  }

  #opened(socket, head) {
    this.#socket = socket;
    this.readyState = 1;
    this.onopen();
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => {});
    socket.on("close", () => this.#end());
    socket.on("end", () => socket.destroy());
    this.#read(head);
  }

  #end() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose(this.#closed);
  }

  #write(opcode, body) {
    if (this.#socket.destroyed) return;
    const size = body.length < 126 ? [128 | body.length] : body.length < 65_536 ? [254] : [255];
    const length = Buffer.alloc(size[0] === 254 ? 2 : size[0] === 255 ? 8 : 0);
    if (length.length === 2) length.writeUInt16BE(body.length);
    if (length.length === 8) length.writeBigUInt64BE(BigInt(body.length));
    const mask = randomBytes(4);
    const masked = Buffer.from(body.map((byte, place) => byte ^ mask[place % 4]));
    this.#socket.write(Buffer.concat([Buffer.from([128 | opcode, ...size]), length, mask, masked]));
  }

  #read(data) {
    this.#held = Buffer.concat([this.#held, data]);
    for (;;) {
      const held = this.#held;
      if (held.length < 2) return;
      const long = { 126: 2, 127: 8 }[held[1]] ?? 0;
      if (held.length < 2 + long) return;
      const length = long === 2 ? held.readUInt16BE(2) : long === 8 ? Number(held.readBigUInt64BE(2)) : held[1];
      if (held.length < 2 + long + length) return;
      this.#held = held.subarray(2 + long + length);
      this.#frame(held[0], held.subarray(2 + long, 2 + long + length));
    }
  }

  #frame(first, body) {
    const opcode = first & 15;
    if (opcode === PING) this.#write(PONG, body);
    if (opcode === CLOSE) {
      this.#closed = { code: body.length ? body.readUInt16BE(0) : 1005, reason: body.subarray(2).toString() };
      if (this.readyState === 1) this.#write(CLOSE, body);
      this.readyState = 2;
      this.#socket.end();
    }
    if (opcode > 2) return;
    this.#parts.push(Buffer.from(body));
    if (first & 128) this.onmessage({ data: Buffer.concat(this.#parts.splice(0)).toString() });
  }
}
