// What to send, which events to deliver, and whether to reconnect: no socket, no clock and no timer. Times and text
// frames are handed in. The rules are those of the Python client (streamer/client/core.py).

import { decodeEvent } from "../record/events.js";
import { Connection, Phase } from "./connection.js";
import { Received } from "./received.js";
import { DONE, ReconnectPolicy, RENEWED, RETRIED, closedBecause } from "./reconnect.js";
import { SAMPLE_RATE, SendBuffer } from "./send_buffer.js";

const PROTOCOL = "emoscope.v1";
const KEEPALIVE_INTERVAL_S = 5;
const PROGRESS_POLL_S = 0.25; // while the window is full, how often the server is asked for its progress
const MAX_UNACKNOWLEDGED = 200; // durable events after which a keepalive is sent at once; the server keeps 1,000
const MIN_SPEECH_S = 0.1; // `vad.min_speech_s`: shorter speech may have begun without an event
const SESSION_GONE = new Set(["resume_unknown", "session_expired"]); // a `session_lost` warning reports these

/** One session, over as many connections as it takes. */
export class ClientCore {
  /**
   * @param {{channels?: number, pace?: "realtime" | "fast"}} changes options that differ from the protocol's defaults
   * @param {() => number} random numbers in [0, 1), for the jitter of the back-off
   */
  constructor(changes = {}, random = Math.random) {
    this.changes = changes;
    this.buffer = new SendBuffer({ channels: 1, pace: "realtime", ...changes });
    this.policy = new ReconnectPolicy(random);
    this.connection = new Connection();
    this.received = new Received();
    this.created = null; // the session's `session.created`
    this.closed = null; // its `session.closed`
    this.failure = ""; // why the connection must be closed for good
    this.errorMessage = ""; // text of the last fatal `error` on this connection
    this.furthest = 0; // furthest position that any server has processed
    this.warnings = []; // events that the page itself adds; the caller takes them out
  }

  get streaming() {
    return this.connection.phase === Phase.STREAMING;
  }

  /** A position as a time on the session's clock. */
  seconds(position) {
    return (position - this.buffer.origin) / SAMPLE_RATE;
  }

  /** No more audio follows. */
  finish() {
    this.buffer.finishing = true;
  }

  connectionOpened(now) {
    this.connection = new Connection(Phase.GREETING, now);
    this.errorMessage = "";
  }

  /** The next Int16Array or message object to send; null when there is nothing to send now. */
  nextMessage(now) {
    const connection = this.connection;
    if (connection.phase === Phase.UPDATING && !connection.requestSent) {
      connection.requestSent = true;
      return { type: "session.update", config: this.changes };
    }
    if (connection.phase === Phase.RESUMING && !connection.requestSent) {
      connection.requestSent = true;
      const { session_id, resume_token } = this.created;
      return { type: "session.resume", session_id, resume_token, last_seq: this.received.lastSeq };
    }
    if (connection.phase !== Phase.STREAMING || this.closed) return null;
    const interval = this.buffer.blocked ? PROGRESS_POLL_S : KEEPALIVE_INTERVAL_S;
    if (now - connection.keepaliveAt >= interval || this.received.unacknowledged >= MAX_UNACKNOWLEDGED) {
      connection.keepaliveAt = now;
      this.received.unacknowledged = 0;
      return { type: "keepalive", last_seq: this.received.lastSeq };
    }
    if (this.buffer.commandDue && !connection.takeCommandToken(now)) return null;
    for (const lost of this.buffer.takeLost()) {
      this.warnings.push(silenceSent(...lost.map((position) => this.seconds(position))));
    }
    return this.buffer.nextMessage();
  }

  /** The event that a text frame gives the page; null when there is none. */
  receive(text, now) {
    this.connection.receivedAt = now;
    try {
      const event = decodeEvent(text);
      if (!this.received.accept(event)) return null;
      return this.#handle(event) ? event : null;
    } catch (error) {
      this.failure = closedBecause(4400, error.message);
      return null;
    }
  }

  timedOut(now) {
    return this.connection.timedOut(this.buffer.sent, now);
  }

  /** The websocket is closed; {retryInS, reason}, or {stop}. The code is 1006 when there was no closing handshake. */
  connectionClosed(code, reason, now) {
    this.policy.connectionClosed(now - this.connection.openedAt);
    this.connection = new Connection();
    if (this.failure) return { stop: this.failure };
    if (this.closed) {
      // All events have arrived, so the way in which the socket closed does not matter.
      return { stop: this.buffer.finishing || code === DONE ? "" : closedBecause(code, this.errorMessage) };
    }
    if (RENEWED.has(code)) this.#restartSession();
    else if (!RETRIED.has(code)) return { stop: closedBecause(code, this.errorMessage || reason) };
    return this.policy.retry(now, `The connection was lost (code ${code})`);
  }

  /** No websocket could be opened. `minDelayS`: the server's Retry-After. */
  connectFailed(message, now, { retryable, minDelayS = 0 }) {
    this.connection = new Connection();
    if (!retryable || !this.policy.sessionBegan) return { stop: message };
    return this.policy.retry(now, message, minDelayS);
  }

  /** Update the state; whether the page gets the event. */
  #handle(event) {
    const { connection, buffer } = this;
    switch (event.type) {
      case "session.created":
        return connection.phase !== Phase.GREETING || this.#sessionCreated(event);
      case "session.updated":
        if (connection.phase === Phase.UPDATING) this.#startStreaming();
        return true;
      case "session.resumed":
        return this.#sessionResumed(event);
      case "status":
        connection.serverReceived(this.#position(event.audio_s), buffer.sent, connection.receivedAt);
        buffer.acknowledge(buffer.origin + Math.floor(this.received.processedS * SAMPLE_RATE));
        if (buffer.processed > this.furthest) {
          this.furthest = buffer.processed;
          this.policy.progressed();
        }
        return true;
      case "error":
        return this.#error(event);
      case "session.closed":
        this.closed = event;
    }
    return true;
  }

  #sessionCreated(event) {
    if (event.protocol !== PROTOCOL) throw new Error(`the server speaks ${event.protocol}, this page ${PROTOCOL}`);
    this.buffer.applyLimits(event.limits);
    if (this.created) {
      this.connection.phase = Phase.RESUMING; // the session of the greeting is discarded
      return false;
    }
    this.created = event;
    this.policy.sessionBegan = true;
    if (Object.keys(this.changes).length) this.connection.phase = Phase.UPDATING;
    else this.#startStreaming();
    return true;
  }

  #sessionResumed(event) {
    if (this.connection.phase !== Phase.RESUMING) return false;
    const position = this.#position(event.audio_s);
    if (position > this.buffer.head) throw new Error("the server has audio that was never sent");
    this.buffer.resume(position);
    this.#startStreaming();
    return true;
  }

  #startStreaming() {
    this.connection.phase = Phase.STREAMING;
    this.connection.serverHas = this.buffer.sent;
    this.connection.serverHasAt = this.connection.receivedAt;
  }

  #error(event) {
    if (event.fatal) this.errorMessage = event.message;
    const answers = [Phase.UPDATING, Phase.RESUMING].includes(this.connection.phase);
    if (answers && !event.fatal) this.failure = closedBecause(4400, event.message);
    return !SESSION_GONE.has(event.code);
  }

  /** The server no longer has the session: begin a new one with the audio whose events have not all arrived. */
  #restartSession() {
    if (!this.created) return;
    const { buffer, received } = this;
    const wanted = buffer.origin + Math.floor(received.completeS(MIN_SPEECH_S) * SAMPLE_RATE);
    const begin = Math.min(Math.max(wanted, buffer.ring.first), buffer.head);
    if (begin > buffer.origin || received.lastSeq) {
      this.warnings.push(sessionLost(this.seconds(wanted), this.seconds(begin)));
    }
    buffer.restart(begin);
    this.created = null;
    this.received = new Received();
  }

  #position(seconds) {
    return this.buffer.origin + Math.round(seconds * SAMPLE_RATE);
  }
}

/** Audio that left the ring buffer before it could be sent. */
function silenceSent(start, end) {
  const message = `${(end - start).toFixed(1)} s of audio could not be kept until the server was back; silence was sent instead`;
  return { type: "warning", code: "audio_dropped", message, start, end };
}

/** The session is lost: its audio before `start` was processed, and a new session gets the audio after `end`. */
function sessionLost(start, end) {
  const lost = end > start ? `${(end - start).toFixed(1)} s of audio were lost` : "no audio was lost";
  const message =
    `the server no longer had the session: a new one continues from ${end.toFixed(1)} s, and its clock and sequence ` +
    `numbers start again; ${lost}`;
  return { type: "warning", code: "session_lost", message, start, end };
}
