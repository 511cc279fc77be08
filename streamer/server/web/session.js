// One session that listens: a source, a stream to the server, the state that is drawn, and the record.

import { SAMPLE_RATE } from "./audio/blocks.js";
import { Levels } from "./audio/levels.js";
import { StallWatch } from "./audio/stalls.js";
import { BlockDropper } from "./client/dropping.js";
import { Emoscope } from "./client/emoscope.js";
import { droppedFor, stoppedFor } from "./problems.js";
import { RecordKeeper } from "./record/record.js";
import { apply, at, newState, reset, say } from "./view/state.js";

const ENROLL_S = 10;
const FILE_TICK_MS = 100;

const PHASES = {
  connecting: "connecting",
  running: "live",
  paused: "paused",
  lost: "reconnecting",
  finishing: "finishing",
  ended: "ended",
};

export class Session {
  #fileTimer = null;
  #stalls = new StallWatch();
  #connectedOnce = false;

  /**
   * @param {object} options `address` and `token` of the stream; `name` of the source; `file`: a FileSource, null for a
   *   microphone; `changes`: the session's options; `ended(message)`: called once, at the end
   */
  constructor({ address, token, name, file = null, changes = {}, ended }) {
    Object.assign(this, { name, file });
    this.state = newState();
    this.levels = new Levels();
    this.record = new RecordKeeper();
    this.dropper = new BlockDropper();
    this.lostS = 0; // the page was held up
    this.phase = "connecting";
    this.standing = ""; // a message that stays while it holds
    this.client = new Emoscope(address, { token, config: changes })
      .on("event", (event) => this.#deliver(event))
      .on("connected", () => this.#report(true))
      .on("lost", () => this.#report(false))
      .on("ended", (message) => this.#ended(message, ended));
    this.core = this.client.core;
  }

  get running() {
    return !["finishing", "ended"].includes(this.phase);
  }

  begin() {
    this.client.open();
    if (this.file) this.#fileTimer = setInterval(() => this.#readFile(), FILE_TICK_MS);
  }

  /** Take a block of the microphone. */
  take(block) {
    if (!this.running || this.phase === "paused") return;
    const stalled = this.#stalls.arrived(block.length / SAMPLE_RATE, performance.now() / 1000);
    if (stalled) {
      this.lostS += stalled;
      this.#leftOut(stoppedFor(stalled));
    }
    const steady = this.core.streaming && !this.core.buffer.catchingUp;
    const dropped = this.dropper.dropping;
    if (!this.dropper.keep(block.length / SAMPLE_RATE, this.client.stream.unsentS, steady)) {
      if (!dropped) this.#command({ type: "flush" }); // two moments that do not belong together are two utterances
      this.standing = `The network is too slow: ${this.dropper.droppedS.toFixed(1)} s are left out so far.`;
      return;
    }
    const episode = this.dropper.takeEpisode();
    if (episode) {
      this.standing = "";
      this.#leftOut(droppedFor(episode));
    }
    this.#append(block, 1);
  }

  pause(paused) {
    if (!this.running) return;
    this.phase = paused ? "paused" : "running";
    this.#stalls.restart();
    if (this.file) this.file.paused = paused;
    else if (paused) this.#command({ type: "flush" }); // what is said meanwhile is not sent
  }

  enroll() {
    this.#command({ type: "enroll", seconds: ENROLL_S });
    say(this.state, "Learning your calm voice: speak calmly for ten seconds, then pause.");
  }

  reset() {
    this.#command({ type: "reset" });
    reset(this.state);
  }

  /** No more sound; what was heard is read to its end. A second call leaves at once. */
  stop() {
    if (!this.running) {
      this.leave();
      return;
    }
    clearInterval(this.#fileTimer);
    this.phase = "finishing";
    this.client.finish();
  }

  /** Leave at once. */
  leave() {
    this.client.close();
  }

  /** What a frame needs besides the state. */
  extra() {
    if (this.phase !== "ended") at(this.state, Math.max(0, this.core.seconds(this.core.buffer.head)));
    const origin = this.core.buffer.origin;
    return {
      phase: this.phase,
      phaseName: this.file && this.phase === "running" ? "reading" : PHASES[this.phase],
      source: this.name,
      levels: this.levels,
      levelsBetween: (start, end) => this.levels.between(origin + start * SAMPLE_RATE, origin + end * SAMPLE_RATE),
      networkS: this.phase === "ended" ? 0 : this.client.stream.unsentS,
      lostS: this.dropper.droppedS + this.lostS,
      paced: !this.file || this.file.paced,
      live: !this.file,
      standing: this.standing,
      waiting: this.phase === "connecting" ? "connecting" : this.phase === "ended" ? "nothing was heard" : "listening",
    };
  }

  #readFile() {
    const room = this.core.streaming ? this.core.buffer.room : 0;
    if (!this.core.created && this.file.paced) return; // the recording begins when the session does
    for (const block of this.file.due(performance.now() / 1000, room)) this.#append(block, this.file.channels);
    if (this.file.done) this.stop();
  }

  #append(block, channels) {
    this.levels.add(block, channels);
    this.client.send(block);
  }

  #command(message) {
    this.client.command(message);
  }

  /** A stretch that no reading counts: it is told, and the utterance ends before it. */
  #leftOut(message) {
    const start = this.core.seconds(this.core.buffer.head);
    this.#command({ type: "flush" });
    this.#deliver({ type: "warning", code: "audio_dropped", message, start, end: null });
  }

  #deliver(event) {
    if (!this.record.add(event, this.name)) this.standing = "The record is full. Save it, and begin a new session.";
    apply(this.state, event);
  }

  #report(connected) {
    if (connected && this.phase === "connecting") this.phase = "running";
    if (connected && this.phase === "lost") {
      this.phase = "running";
      say(this.state, "Connected again.");
    }
    if (!connected && this.phase === "running" && this.#connectedOnce) this.phase = "lost";
    this.#connectedOnce ||= connected;
    const keeps = "The connection is lost. The sound is kept here, and the server is tried again.";
    if (!connected && this.#connectedOnce) this.standing = keeps;
    else if (connected && this.standing === keeps) this.standing = "";
  }

  #ended(message, tell) {
    clearInterval(this.#fileTimer);
    this.phase = "ended";
    this.standing = "";
    tell(message);
  }
}
