// Audio and commands in order, with flow control and retransmission after a reconnect. The rules are those of the
// Python client (streamer/client/send_buffer.py).

import { RingBuffer } from "./ring_buffer.js";

export const SAMPLE_RATE = 16_000; // the page resamples everything to the rate of the models
const WINDOW_SHARE = 0.75; // of the backlog that the server allows
const MESSAGE_S = { realtime: 0.1, fast: 0.5 }; // audio in one message
const MAX_MESSAGE_BYTES = 262_144;
const DEFAULT_LIMITS = { max_backlog_s: 10, fast_backlog_s: 60, resume_ttl_s: 60 };

/** Positions are frames since the page began; the session's own clock starts at `origin`. */
export class SendBuffer {
  /** @param {{channels: number, pace: "realtime" | "fast"}} config */
  constructor({ channels, pace }) {
    this.lossless = pace === "fast"; // the window always applies (a file), not only while catching up (a microphone)
    const most = Math.floor(MAX_MESSAGE_BYTES / 2 / channels);
    this.messageSize = Math.max(1, Math.min(Math.round(MESSAGE_S[pace] * SAMPLE_RATE), most));
    this.ring = new RingBuffer(channels, 1);
    this.window = 1; // largest number of frames in flight: sent, but not acknowledged as processed
    this.origin = 0;
    this.sent = 0; // position of the next frame to send
    this.processed = 0; // position up to which the server will never ask for audio again
    this.commands = []; // [position, message]; those before index `nextCommand` were sent
    this.nextCommand = 0;
    this.catchingUp = false;
    this.finishing = false;
    this.finishSent = false;
    this.reported = []; // stretches of lost audio that were reported and that the server may ask for again
    this.applyLimits(DEFAULT_LIMITS);
  }

  /** Position of the next frame to be appended. */
  get head() {
    return this.ring.head;
  }

  /** Number of frames that a lossless sender may append now. */
  get room() {
    return Math.max(0, this.processed + this.window - this.head);
  }

  /** There is audio to send, but the window is full. */
  get blocked() {
    return this.sent < this.head && (this.lossless || this.catchingUp) && this.#windowEnd <= this.sent;
  }

  /** The next message to send is a command. */
  get commandDue() {
    return this.nextCommand < this.commands.length && this.commands[this.nextCommand][0] <= this.sent;
  }

  get #windowEnd() {
    return Math.max(this.processed, this.origin) + this.window;
  }

  /** Set the window and the ring buffer's capacity to what this server keeps. */
  applyLimits(limits) {
    const backlog = this.lossless ? limits.fast_backlog_s : limits.max_backlog_s;
    this.window = Math.max(this.messageSize, Math.round(WINDOW_SHARE * backlog * SAMPLE_RATE));
    this.ring.grow(Math.round((limits.resume_ttl_s + backlog) * SAMPLE_RATE));
  }

  append(samples) {
    this.ring.append(samples);
  }

  /** Append a command after all audio so far. */
  appendCommand(message) {
    this.commands.push([this.head, message]);
  }

  /** The server has processed and stored all audio before `position`. */
  acknowledge(position) {
    this.processed = Math.max(this.processed, Math.min(position, this.sent));
    let done = 0;
    while (done < this.nextCommand && this.commands[done][0] < this.processed) done += 1;
    this.commands.splice(0, done);
    this.nextCommand -= done;
  }

  /**
   * The stretches [begin, end) of unsent audio that the ring buffer lost. Silence is sent for them. Each is returned
   * once, also where a server goes back before what was reported.
   */
  takeLost() {
    let at = this.sent;
    const end = this.ring.first;
    if (at >= end) return [];
    const lost = [];
    for (const [begin, until] of [...this.reported, [end, end]]) {
      if (at < Math.min(begin, end)) lost.push([at, Math.min(begin, end)]);
      at = Math.max(at, until);
    }
    const kept = [...this.reported, ...lost].filter(([, until]) => until > this.processed);
    this.reported = kept.sort(([a], [b]) => a - b);
    return lost;
  }

  /** The next Int16Array or command to send; null when there is nothing to send, or the window is full. */
  nextMessage() {
    if (this.commandDue) {
      this.nextCommand += 1;
      return this.commands[this.nextCommand - 1][1];
    }
    let until = this.head;
    if (this.nextCommand < this.commands.length) until = this.commands[this.nextCommand][0];
    if (this.lossless || this.catchingUp) until = Math.min(until, this.#windowEnd);
    const count = Math.min(this.messageSize, until - this.sent);
    if (count > 0) {
      const samples = this.ring.read(this.sent, count);
      this.sent += count;
      return samples;
    }
    if (this.sent === this.head) {
      this.catchingUp = false;
      if (this.finishing && !this.finishSent && this.nextCommand === this.commands.length) {
        this.finishSent = true;
        return { type: "finish" };
      }
    }
    return null;
  }

  /** Continue the session on a new connection: the server has all audio before `position`. */
  resume(position) {
    this.sent = position;
    this.#rewind();
  }

  /** Begin a new session, whose clock starts at `position`. */
  restart(position) {
    this.origin = this.sent = this.processed = position;
    this.commands = this.commands.filter(([at]) => at >= position);
    this.#rewind();
  }

  #rewind() {
    // The server may or may not have a command at exactly `sent`. It is sent again: twice at one sample has the effect
    // of once.
    this.nextCommand = this.commands.filter(([at]) => at < this.sent).length;
    this.catchingUp = true;
    this.finishSent = false;
  }
}
