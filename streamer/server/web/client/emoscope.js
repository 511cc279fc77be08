// A client for pages and programs: sound goes in, events come out, and a lost connection loses nothing.

import { SAMPLE_RATE, toInt16 } from "../audio/blocks.js";
import { openMicrophone } from "../audio/microphone.js";
import { Resampler } from "../audio/resample.js";
import { ClientCore } from "./core.js";
import { Stream } from "./stream.js";

const STREAM_PATH = "/v1/stream";
const FIXED = ["sample_rate", "encoding", "channel_mode"]; // `send` makes 16-bit samples at 16 kHz of everything

/** One session on a server. Names that are no event's: `event` is every event; `connected`, `lost`, `ended`. */
export class Emoscope {
  #listeners = new Map();
  #waiting = []; // of `send`: called when there may be room
  #sending = Promise.resolve();
  #resamplers = []; // one a channel, where the rate is another than the models'
  #rate = null; // of the sound that is sent
  #result = {}; // of `finish`
  #connected = false;
  #failure = null;

  /**
   * @param {string | URL} url of the server: ws, wss, http or https; /v1/stream is added where there is no path
   * @param {object} options `token`; `config`: the session's options; `WebSocket`: a constructor where none is global
   */
  constructor(url, { token = "", config = {}, WebSocket = globalThis.WebSocket } = {}) {
    if (!WebSocket) throw new Error("there is no WebSocket here: give one, as { WebSocket }, or use Node 22 or later");
    const fixed = FIXED.filter((name) => name in config);
    if (fixed.length) throw new Error(`config: ${fixed.join(", ")} cannot be set; give the rate to send()`);
    this.core = new ClientCore(config);
    this.finished = new Promise((resolve, reject) => (this.#result = { resolve, reject }));
    this.finished.catch(() => {}); // who does not wait for it hears of the failure by `ended`
    this.stream = new Stream({
      core: this.core,
      address: streamAddress(url),
      token,
      WebSocket,
      deliver: (event) => this.#deliver(event),
      report: (connected) => this.#report(connected),
      ended: (message) => this.#ended(message),
      progressed: () => this.#progressed(),
    });
  }

  /** Connect. */
  open() {
    this.stream.open();
    return this;
  }

  /** Call `listener` at each event of that type. */
  on(type, listener) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    return this;
  }

  /** Call `listener` no longer at events of that type. */
  off(type, listener) {
    this.#listeners.set(type, (this.#listeners.get(type) ?? []).filter((one) => one !== listener));
    return this;
  }

  /**
   * Send sound: interleaved 16-bit or float samples. Never waits for a live session; for a file (`pace: "fast"`) the
   * promise resolves when the server has room for all of it.
   * @param {Int16Array | Float32Array} samples @param {number} rate of the samples in Hz
   */
  send(samples, rate = SAMPLE_RATE) {
    const whole = this.#prepare(samples, rate);
    if (!this.core.buffer.lossless) {
      this.#append(whole);
      return Promise.resolve();
    }
    this.#sending = this.#sending.then(() => this.#sendAll(whole));
    return this.#sending;
  }

  /** End the current utterance now. */
  flush() {
    this.command({ type: "flush" });
  }

  /** Forget what came before: mood, baseline and words. */
  reset() {
    this.command({ type: "reset" });
  }

  /** Learn the speaker's calm voice from the next seconds of speech. */
  enroll(seconds) {
    this.command({ type: "enroll", seconds });
  }

  /** Any message of the protocol about the session; it takes effect after the sound that was sent before it. */
  command(message) {
    const append = () => {
      this.core.buffer.appendCommand(message);
      this.stream.pump();
    };
    if (this.core.buffer.lossless) this.#sending = this.#sending.then(append);
    else append();
  }

  /** No more sound comes. Resolves with `session.closed` when every event is there; rejects when it never will be. */
  finish() {
    for (const { half } of this.#resamplers.slice(0, 1)) {
      this.send(new Int16Array(half * this.core.buffer.ring.channels), this.#rate); // what the filters still hold
    }
    this.#sending = this.#sending.then(() => {
      this.core.finish();
      this.stream.pump();
    });
    return this.finished;
  }

  /** Leave at once, whatever is pending. */
  close() {
    this.stream.leave();
  }

  /** Every event from now on, until the session is over; throws when it failed. */
  async *[Symbol.asyncIterator]() {
    const events = [];
    let wake = () => {};
    let over = false;
    const heard = (event) => wake(events.push(event));
    const ended = () => wake((over = true));
    this.on("event", heard).on("ended", ended);
    try {
      if (this.stream.over) over = true;
      for (;;) {
        while (events.length) yield events.shift();
        if (over) break;
        await new Promise((resolve) => (wake = resolve));
      }
      if (this.#failure) throw this.#failure;
    } finally {
      this.off("event", heard).off("ended", ended); // also when the loop over the events is left before its end
    }
  }

  #prepare(samples, rate) {
    const channels = this.core.buffer.ring.channels;
    if (samples.length % channels) throw new Error(`${samples.length} samples are no whole frames of ${channels} channels`);
    this.#rate ??= rate;
    if (rate !== this.#rate) throw new Error(`the rate was ${this.#rate} Hz and must stay so, not ${rate}`);
    if (rate === SAMPLE_RATE) return samples instanceof Int16Array ? samples : Int16Array.from(samples, toInt16);
    const scale = samples instanceof Int16Array ? 1 / 32_768 : 1;
    const columns = Array.from({ length: channels }, (_, channel) => {
      this.#resamplers[channel] ??= new Resampler(rate, SAMPLE_RATE);
      const column = new Float32Array(samples.length / channels);
      for (let frame = 0; frame < column.length; frame += 1) column[frame] = samples[frame * channels + channel] * scale;
      return this.#resamplers[channel].process(column);
    });
    const out = new Int16Array(columns[0].length * channels);
    for (let place = 0; place < out.length; place += 1) {
      out[place] = toInt16(columns[place % channels][Math.floor(place / channels)]);
    }
    return out;
  }

  /** Frames of a file, as room is made for them. */
  async #sendAll(samples) {
    const { buffer } = this.core;
    const { channels } = buffer.ring;
    for (let begin = 0; begin < samples.length && !this.stream.over; ) {
      if (!buffer.room) {
        await new Promise((resolve) => this.#waiting.push(resolve));
        continue;
      }
      const end = Math.min(samples.length, begin + buffer.room * channels);
      this.#append(samples.subarray(begin, end));
      begin = end;
    }
  }

  #append(samples) {
    this.core.buffer.append(samples);
    this.stream.pump();
  }

  #progressed() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #emit(type, value) {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        listener(value);
      } catch (error) {
        // Reported as an uncaught exception is; the other listeners and the stream go on.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #deliver(event) {
    this.#emit(event.type, event);
    this.#emit("event", event);
  }

  #report(connected) {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#emit(connected ? "connected" : "lost");
  }

  #ended(message) {
    if (message) this.#failure = new Error(message);
    if (this.core.closed && !message) this.#result.resolve(this.core.closed);
    else this.#result.reject(this.#failure ?? new Error("the client left before the session was over"));
    this.#progressed();
    this.#emit("ended", message);
  }
}

/** The stream of a server, http or https. */
function streamAddress(url) {
  const address = new URL(url, globalThis.location?.href);
  // A URL's scheme cannot be changed from ws to http in place where the standard is followed to the letter.
  const http = new URL(address.href.replace(/^ws/, "http"));
  if (!/^https?:$/.test(http.protocol)) throw new Error(`${url}: an address such as wss://host:8765`);
  if (http.pathname === "/") http.pathname = STREAM_PATH;
  return http;
}

export { openMicrophone };
