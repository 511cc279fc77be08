// The edge of the client: websockets, clock and timers around the core. It is driven by audio and by events as well as
// by a timer, because a browser slows the timers of a hidden tab.

import { PROTOCOL } from "./core.js";
import { connectionProblem, diagnose } from "./diagnose.js";
import { ABNORMAL_CLOSURE } from "./reconnect.js";

const OPEN = 1; // `readyState` of a socket that can send
const TICK_MS = 100;
const OPEN_TIMEOUT_MS = 10_000;
const CLOSED_TIMEOUT_MS = 5_000; // for the server to close the socket after `session.closed`
const MOST_BUFFERED_BYTES = 32_000; // one second of audio in the browser's own buffer; the rest waits in ours

/**
 * A session on a server. Callbacks: `deliver(event)`, `report(connected)`, `ended(message)`, "" without an error, and
 * `progressed()` after everything that may have made room.
 */
export class Stream {
  #socket = null;
  #timer = null;
  #retryTimer = null;

  /**
   * @param {{core: ClientCore, address: URL, token: string, WebSocket: Function}} options `address` of the stream, http
   *   or https; `WebSocket` as browsers have it
   */
  constructor({ core, address, token, WebSocket, deliver, report, ended, progressed }) {
    Object.assign(this, { core, address, token, WebSocket, deliver, report, ended, progressed });
    this.over = false;
  }

  /** Seconds of audio that were captured but have not left this browser. */
  get unsentS() {
    const buffered = (this.#socket?.bufferedAmount ?? 0) / 2 / this.core.buffer.ring.channels;
    return (this.core.buffer.head - this.core.buffer.sent + buffered) / 16_000;
  }

  open() {
    this.#timer = setInterval(() => this.pump(), TICK_MS);
    this.#connect();
  }

  /** Send what can be sent now. */
  pump() {
    const socket = this.#socket;
    if (this.over || socket === null) return;
    if (this.core.timedOut(now())) {
      this.#disconnected(ABNORMAL_CLOSURE, "no answer");
      return;
    }
    while (socket.readyState === OPEN && socket.bufferedAmount < MOST_BUFFERED_BYTES) {
      const message = this.core.nextMessage(now());
      this.#deliverWarnings();
      if (message === null) break;
      socket.send(message instanceof Int16Array ? message : JSON.stringify(message));
    }
  }

  /** End at once, whatever is pending. */
  leave() {
    this.#end("");
  }

  #connect() {
    const url = new URL(this.address);
    url.protocol = url.protocol.replace("http", "ws");
    if (this.token) url.searchParams.set("token", this.token);
    const socket = new this.WebSocket(url, PROTOCOL);
    let opened = false;
    const openTimeout = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      clearTimeout(openTimeout);
      this.core.connectionOpened(now());
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onerror = () => {}; // `close` follows, with the code
    socket.onclose = ({ code, reason }) => {
      clearTimeout(openTimeout);
      if (opened) this.#disconnected(code, reason);
      else this.#failed();
    };
  }

  #receive(data) {
    if (typeof data !== "string") return; // servers send no binary frames
    const event = this.core.receive(data, now());
    this.#deliverWarnings();
    if (event !== null) this.deliver(event);
    if (this.core.streaming) this.report(true);
    if (this.core.failure) this.#disconnected(ABNORMAL_CLOSURE, "");
    else if (this.core.closed) setTimeout(() => this.over || this.#disconnected(1000, ""), CLOSED_TIMEOUT_MS);
    else this.pump();
    this.progressed();
  }

  #disconnected(code, reason) {
    this.#dropSocket();
    this.#decide(this.core.connectionClosed(code, reason, now()));
  }

  async #failed() {
    this.#dropSocket();
    const finding = await diagnose(this.address, this.token);
    if (!this.over) this.#decide(this.core.connectFailed(connectionProblem(finding, placeOf(this.address)), now(), finding));
  }

  #decide(decision) {
    this.#deliverWarnings();
    if ("stop" in decision) {
      this.#end(decision.stop);
      return;
    }
    this.report(false);
    this.#retryTimer = setTimeout(() => this.#connect(), decision.retryInS * 1000);
  }

  #deliverWarnings() {
    for (const warning of this.core.warnings.splice(0)) this.deliver(warning);
  }

  #dropSocket() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = () => {};
    socket.close();
  }

  #end(message) {
    if (this.over) return;
    this.over = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retryTimer);
    this.#dropSocket();
    this.ended(message);
  }
}

/** Who is asked, and whose page asks, "" outside a browser. */
export function placeOf(address) {
  return { host: address.host, origin: globalThis.location?.origin ?? "" };
}

/** Seconds on a clock that only goes forward. */
function now() {
  return performance.now() / 1000;
}
