// Emoscope's client for browsers and Node, one file without dependencies; its types are in emoscope.d.ts.
// Made of the modules of streamer/server/web by demo/javascript/bundle.py: change them, not this file.

// Blocks of a fixed length of 16-bit samples, from samples of any count.

const SAMPLE_RATE = 16_000;
const BLOCK = SAMPLE_RATE / 10; // 100 ms

/** A float in [-1, 1) as a 16-bit sample; what is louder is clipped. */
function toInt16(x) {
  return Math.max(-32_768, Math.min(32_767, Math.round(x * 32_768)));
}

class BlockMaker {
  held = new Int16Array(BLOCK);
  count = 0;

  /** The whole blocks that these samples complete. */
  add(samples) {
    const blocks = [];
    for (const x of samples) {
      this.held[this.count++] = toInt16(x);
      if (this.count < BLOCK) continue;
      blocks.push(this.held);
      this.held = new Int16Array(BLOCK);
      this.count = 0;
    }
    return blocks;
  }
}

/** The mean of a node's channels. */
function mixed(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, index) => channels.reduce((sum, one) => sum + one[index], 0) / channels.length);
}

// Resampling of a live signal, block by block: a polyphase filter, a sinc windowed by a Kaiser window.

const ZERO_CROSSINGS = 48; // of the sinc on each side
const KAISER_BETA = 9; // the stop band lies about 90 dB below
const ROLLOFF = 0.94; // the pass band's edge, as a share of the lower of both Nyquist frequencies
const MOST_PHASES = 1024; // for odd pairs of rates the nearest of so many positions between two samples is taken

class Resampler {
  /** @param {number} from rate of the input in Hz  @param {number} to rate of the output in Hz */
  constructor(from, to) {
    this.step = from / to; // input samples for one output sample
    const scale = Math.min(1, to / from) * ROLLOFF; // cutoff, as a share of the input's Nyquist frequency
    this.half = Math.ceil(ZERO_CROSSINGS / scale);
    this.phases = Math.min(MOST_PHASES, to / commonDivisor(from, to));
    this.filters = Array.from({ length: this.phases + 1 }, (_, phase) => kernel(phase / this.phases, this.half, scale));
    this.held = new Float32Array(this.half); // input that later outputs need; it begins with silence
    this.heldFrom = -this.half; // number of its first sample
    this.produced = 0;
  }

  /** The output that `input` completes. It lags behind by `half` input samples. */
  process(input) {
    const signal = new Float32Array(this.held.length + input.length);
    signal.set(this.held);
    signal.set(input, this.held.length);
    const end = this.heldFrom + signal.length;
    const count = Math.max(0, Math.floor((end - this.half - 1) / this.step) + 1 - this.produced);
    const output = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      const at = (this.produced + index) * this.step;
      const whole = Math.floor(at + 1e-9);
      const filter = this.filters[Math.round((at - whole) * this.phases)];
      const begin = whole - this.half + 1 - this.heldFrom;
      let sum = 0;
      for (let tap = 0; tap < filter.length; tap += 1) sum += filter[tap] * signal[begin + tap];
      output[index] = sum;
    }
    this.produced += count;
    const needed = Math.floor(this.produced * this.step) - this.half;
    const surplus = Math.max(0, Math.min(signal.length, needed - this.heldFrom));
    this.held = signal.slice(surplus);
    this.heldFrom += surplus;
    return output;
  }
}

/** Taps for a position `offset` (0 to 1) after an input sample; the middle two taps lie around it. */
function kernel(offset, half, scale) {
  const taps = new Float32Array(2 * half);
  let sum = 0;
  for (let tap = 0; tap < taps.length; tap += 1) {
    const distance = tap - (half - 1) - offset;
    const window = kaiser(distance / half);
    taps[tap] = window * sinc(distance * scale) * scale;
    sum += taps[tap];
  }
  return taps.map((tap) => tap / sum); // a constant keeps its level
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** The modified Bessel function of the first kind and order 0, by its power series. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let n = 1; term > 1e-12 * sum; n += 1) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

function commonDivisor(a, b) {
  return b ? commonDivisor(b, a % b) : a;
}

// The browser's microphone as blocks of 100 ms at 16 kHz.


const PROCESSOR = "emoscope-blocks";

// What improves a telephone call takes away what a voice's emotion is heard from.
const AUDIO = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/**
 * Ask for the microphone and open it.
 * @param {(block: Int16Array) => void} onBlock takes each block
 * @param {(message: string, lasting: boolean) => void} onTrouble the device is mute, or (`lasting`) has gone
 * @returns {Promise<{name: string, rate: number, close: () => void}>} rejects with the browser's error
 */
async function openMicrophone(onBlock, onTrouble) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: AUDIO });
  const [track] = stream.getAudioTracks();
  let context;
  const close = () => {
    track.onended = track.onmute = null;
    track.stop();
    if (context && context.state !== "closed") context.close();
  };
  try {
    context = new AudioContext();
    await context.audioWorklet.addModule(import.meta.url); // this file again, in the audio thread
    const node = new AudioWorkletNode(context, PROCESSOR, { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => onBlock(data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  } catch (error) {
    close();
    throw error;
  }
  track.onended = () =>
    onTrouble("The microphone is gone: it was unplugged, or its permission was taken back. What was heard is read.", true);
  track.onmute = () =>
    onTrouble("The microphone gives no sound now: the system, another program or a call holds it.", false);
  return { name: track.label || "microphone", rate: context.sampleRate, close };
}

if (globalThis.AudioWorkletProcessor) {
  /** In the audio thread: from the device's samples to blocks of 100 ms at 16 kHz. */
  class Blocks extends AudioWorkletProcessor {
    resampler = new Resampler(sampleRate, SAMPLE_RATE);
    maker = new BlockMaker();

    process([channels]) {
      if (!channels.length) return true; // the source is gone, or has not begun
      const samples = mixed(channels);
      const resampled = sampleRate === SAMPLE_RATE ? samples : this.resampler.process(samples);
      for (const block of this.maker.add(resampled)) this.port.postMessage(block, [block.buffer]);
      return true;
    }
  }
  registerProcessor(PROCESSOR, Blocks);
}

// The events of the protocol as the page needs them: which fields each has, and how a line or a frame is read.
// streamer/protocol.md describes them; a test compares this table with the protocol's schema.

const NUMBER = "number";
const STRING = "string";
const OBJECT = "object";
const ARRAY = "array";
const BOOLEAN = "boolean";

const span = { start: NUMBER, end: NUMBER };
const reading = {
  utterance: NUMBER, ...span, label: STRING, confidence: NUMBER, scores: OBJECT, dimensions: OBJECT, derived: BOOLEAN,
  segments: NUMBER, sources: OBJECT, attention: ARRAY, baseline: STRING,
};
const transcript = { utterance: NUMBER, ...span, text: STRING, stable: NUMBER };

/** Required fields of each event, with their JSON types. */
const FIELDS = {
  "session.created": {
    session_id: STRING, protocol: STRING, server: STRING, started_at: STRING, model: OBJECT, config: OBJECT,
    limits: OBJECT, notice: STRING,
  },
  "session.updated": { config: OBJECT },
  "session.resumed": { audio_s: NUMBER, next_seq: NUMBER },
  "speech.started": { seq: NUMBER, utterance: NUMBER, start: NUMBER },
  "speech.ended": { seq: NUMBER, utterance: NUMBER, ...span, reason: STRING },
  "emotion.interim": { rev: NUMBER, ...reading },
  "emotion.final": { seq: NUMBER, ...reading, text: STRING, words: ARRAY },
  mood: {
    seq: NUMBER, ...span, half_life_s: NUMBER, label: STRING, confidence: NUMBER, scores: OBJECT, dimensions: OBJECT,
  },
  "transcript.interim": transcript,
  "transcript.final": { seq: NUMBER, ...transcript, words: ARRAY },
  status: {
    audio_s: NUMBER, processed_s: NUMBER, lag_s: OBJECT, dropped_s: NUMBER, rtf: NUMBER, level_dbfs: NUMBER,
  },
  warning: { code: STRING, message: STRING },
  error: { code: STRING, message: STRING, fatal: BOOLEAN },
  enrolled: { seconds: NUMBER },
  "session.closed": { seq: NUMBER, reason: STRING, totals: OBJECT },
};

/** What is wrong with the fields of an event; "" when nothing is, or when its type is of a later version. */
function problemOf(event) {
  const fields = FIELDS[event.type];
  if (!fields) return "";
  for (const [name, kind] of Object.entries(fields)) {
    const value = event[name];
    const found = Array.isArray(value) ? ARRAY : value === null ? "null" : typeof value;
    if (found !== kind) return `${event.type}.${name} must be of type ${kind}`;
  }
  return "";
}

/** The event of a text frame or of a record's line. Throws when it is none. */
function decodeEvent(text) {
  let event;
  try {
    event = JSON.parse(text);
  } catch {
    throw new Error("a message is not JSON");
  }
  if (event === null || typeof event !== "object" || typeof event.type !== "string") {
    throw new Error("a message has no event type");
  }
  const problem = problemOf(event);
  if (problem) throw new Error(problem);
  return event;
}

/** The time on the audio clock, in seconds, from which an event can be reported; null for one without times. */
function eventTime(event) {
  switch (event.type) {
    case "status":
      return event.audio_s;
    case "speech.started":
      return event.start;
    case "speech.ended":
    case "emotion.interim":
    case "emotion.final":
    case "transcript.interim":
    case "transcript.final":
      return event.end;
    case "session.closed":
      return event.totals.audio_s;
  }
  return null;
}

// The state of one connection: its phase, and when the server last answered. The rules are those of the Python client
// (streamer/client/connection.py).

const ANSWER_TIMEOUT_S = 15; // each keepalive is answered: a connection without any message for this long is dead
const COMMANDS_PER_SECOND = 10; // half of what the server accepts; keepalives count there too
const COMMAND_BURST = 30;

const Phase = Object.freeze({
  OFFLINE: "offline",
  GREETING: "waiting for session.created",
  UPDATING: "waiting for session.updated",
  RESUMING: "waiting for session.resumed",
  STREAMING: "streaming",
});

/** One connection. Times are on the caller's clock, in seconds. */
class Connection {
  constructor(phase = Phase.OFFLINE, now = 0) {
    this.phase = phase;
    this.openedAt = this.receivedAt = this.keepaliveAt = this.tokensAt = now;
    this.requestSent = false; // the message whose answer this phase waits for was sent
    this.serverHas = 0; // position up to which the server has the audio, by its last status
    this.serverHasAt = now; // when that position last grew, or was everything sent
    this.commandTokens = COMMAND_BURST;
  }

  /** The server reports that it has all audio before `position`, of which `sent` frames were sent. */
  serverReceived(position, sent, now) {
    if (position <= this.serverHas && position < sent) return;
    this.serverHas = Math.max(position, this.serverHas);
    this.serverHasAt = now;
  }

  /** Whether the rate limit allows a command now; if so, the command is counted. */
  takeCommandToken(now) {
    const refilled = this.commandTokens + (now - this.tokensAt) * COMMANDS_PER_SECOND;
    this.commandTokens = Math.min(COMMAND_BURST, refilled);
    this.tokensAt = now;
    if (this.commandTokens < 1) return false;
    this.commandTokens -= 1;
    return true;
  }

  /** The connection is open but dead: no message arrives, or the server does not receive what was sent. */
  timedOut(sent, now) {
    const unread = this.phase === Phase.STREAMING && sent > this.serverHas;
    const stalled = unread && now - this.serverHasAt > ANSWER_TIMEOUT_S;
    return this.phase !== Phase.OFFLINE && (stalled || now - this.receivedAt > ANSWER_TIMEOUT_S);
  }
}

// Which durable events have arrived, and how much audio the server has processed. The rules are those of the Python
// client (streamer/client/acknowledgement.py); the page has one channel.

/** What a session's events have reached. Times are on the session's clock. */
class Received {
  lastSeq = 0; // sequence number of the last durable event
  openS = null; // start of the utterance that has no final yet
  finalS = 0; // end of the last utterance that has one
  processedS = 0; // audio that the server processed and stored
  unacknowledged = 0; // durable events since the last acknowledgement
  closed = false; // `session.closed` has arrived

  /** Note an event; false for a durable one that was received before. Throws when one before it is missing. */
  accept(event) {
    if (event.type === "status") this.processedS = Math.max(this.processedS, event.processed_s);
    if (event.seq === undefined || event.seq === null) return true;
    if (event.seq <= this.lastSeq) return false;
    if (event.seq > this.lastSeq + 1) {
      throw new Error(`the durable events ${this.lastSeq + 1} to ${event.seq - 1} are missing`);
    }
    this.lastSeq = event.seq;
    this.unacknowledged += 1;
    if (event.type === "speech.started") this.openS = event.start;
    if (event.type === "emotion.final") [this.openS, this.finalS] = [null, event.end];
    if (event.type === "session.closed") this.closed = true;
    return true;
  }

  /**
   * The time before which all events have arrived: a new session does not need the audio before it.
   * @param {number} minSpeechS speech shorter than this may have begun without a `speech.started`
   */
  completeS(minSpeechS) {
    return this.openS ?? Math.max(this.finalS, this.processedS - minSpeechS);
  }
}

// Whether to connect again after a connection ended or could not be opened, and after how long. The rules are those of
// the Python client (streamer/client/reconnect.py, backoff.py, close_codes.py).

const ABNORMAL_CLOSURE = 1006; // a connection that ended without a closing handshake (RFC 6455, 7.4.1)
const DONE = 1000;
// Connect again and resume. A client sends keepalives, so 4408 tells it that nothing of what it sent arrived.
const RETRIED = new Set([ABNORMAL_CLOSURE, 1011, 1012, 1013, 4408]);
const RENEWED = new Set([4404, 4410]); // open a new session
const MAX_FIRST_RETRIES = 3; // before the first session began; after that only the timeout counts
const INITIAL_DELAY_S = 0.25;
const MAX_DELAY_S = 30;
const STABLE_S = 5; // a connection that stayed open this long resets the back-off

const ADVICE = {
  1001: "The server is shutting down. Start again when it is back.",
  1009: "A message was too large for the server.",
  4400: "The server did not understand this page. Reload it: it may be of another version.",
  4401: "The server does not know this token. Start again with the right one.",
  4409: "Another connection took this session over. Only one at a time can have it.",
  4429: "Audio was sent faster than the server reads it. Start again, at the speed of life.",
  4430: "This page did not read its events fast enough, so the server ended the session. Close other busy tabs.",
};

/** What a close code that is not retried means, as a sentence that says what to do. */
function closedBecause(code, reason) {
  const advice = ADVICE[code] ?? "The server ended the connection; its log says why.";
  return `${advice} (close code ${code}${reason ? `: ${reason}` : ""})`;
}

/** Retries with back-off until the timeout. A decision is {retryInS, reason} or {stop: message}; "" without an error. */
class ReconnectPolicy {
  /**
   * @param {() => number} random numbers in [0, 1), for the jitter of the back-off
   * @param {number} timeoutS stop after this long without a stable connection and without progress
   */
  constructor(random, timeoutS = 300) {
    this.random = random;
    this.timeoutS = timeoutS;
    this.attempts = 0;
    this.sessionBegan = false;
    this.failingSince = null;
  }

  /** The server processed audio that no server had processed before: the timeout starts again. */
  progressed() {
    this.failingSince = null;
  }

  /** A connection that was open for `openS` seconds has ended. */
  connectionClosed(openS) {
    if (openS < STABLE_S) return;
    this.attempts = 0;
    this.failingSince = null;
  }

  /**
   * @param {number} now seconds on any clock that only goes forward
   * @param {number} minDelayS the server's Retry-After, if it sent one
   */
  retry(now, reason, minDelayS = 0) {
    this.failingSince ??= now;
    if (!this.sessionBegan && this.attempts >= MAX_FIRST_RETRIES) {
      return { stop: `${reason}, ${MAX_FIRST_RETRIES + 1} times before a session began. Is it an Emoscope server?` };
    }
    if (now - this.failingSince > this.timeoutS) {
      return { stop: `${reason}: no connection for ${this.timeoutS} s. Is the server running? Start again when it is.` };
    }
    const delay = Math.min(MAX_DELAY_S, INITIAL_DELAY_S * 2 ** Math.min(this.attempts, 16));
    this.attempts += 1;
    return { retryInS: Math.max(minDelayS, delay * (0.5 + this.random() / 2)), reason };
  }
}

// The newest audio, kept so that it can be sent again after a reconnect. The rules are those of the Python client
// (streamer/client/ring_buffer.py).

/** 16-bit frames (one sample of each channel), numbered since the page began. The oldest are overwritten. */
class RingBuffer {
  /**
   * @param {number} channels samples in one frame
   * @param {number} capacity largest number of frames held
   */
  constructor(channels, capacity) {
    this.channels = channels;
    this.capacity = capacity;
    this.first = 0; // number of the oldest frame held
    this.head = 0; // number of the next frame to be appended
    this.samples = new Int16Array(capacity * channels);
  }

  /** Hold more frames from now on. */
  grow(capacity) {
    if (capacity <= this.capacity) return;
    const held = this.read(this.first, this.head - this.first);
    this.capacity = capacity;
    this.samples = new Int16Array(capacity * this.channels);
    this.#write(this.first, held);
  }

  /** Append whole frames, interleaved. */
  append(samples) {
    const count = samples.length / this.channels;
    const kept = Math.min(count, this.capacity);
    this.#write(this.head + count - kept, samples.subarray((count - kept) * this.channels));
    this.head += count;
    this.first = Math.max(this.first, this.head - this.capacity);
  }

  /** `count` frames from number `start`, all before the head. Frames no longer held are replaced by silence. */
  read(start, count) {
    const out = new Int16Array(count * this.channels);
    for (let frame = Math.max(start, this.first); frame < start + count; ) {
      const place = frame % this.capacity;
      const run = Math.min(start + count - frame, this.capacity - place);
      const from = place * this.channels;
      out.set(this.samples.subarray(from, from + run * this.channels), (frame - start) * this.channels);
      frame += run;
    }
    return out;
  }

  #write(position, samples) {
    for (let done = 0; done < samples.length; ) {
      const place = (position + done / this.channels) % this.capacity;
      const run = Math.min(samples.length - done, (this.capacity - place) * this.channels);
      this.samples.set(samples.subarray(done, done + run), place * this.channels);
      done += run;
    }
  }
}

// Audio and commands in order, with flow control and retransmission after a reconnect. The rules are those of the
// Python client (streamer/client/send_buffer.py).


const WINDOW_SHARE = 0.75; // of the backlog that the server allows
const MESSAGE_S = { realtime: 0.1, fast: 0.5 }; // audio in one message
const MAX_MESSAGE_BYTES = 262_144;
const DEFAULT_LIMITS = { max_backlog_s: 10, fast_backlog_s: 60, resume_ttl_s: 60 };

/** Positions are frames since the page began; the session's own clock starts at `origin`. */
class SendBuffer {
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

// What to send, which events to deliver, and whether to reconnect: no socket, no clock and no timer. Times and text
// frames are handed in. The rules are those of the Python client (streamer/client/core.py).


const PROTOCOL = "emoscope.v1";
const KEEPALIVE_INTERVAL_S = 5;
const PROGRESS_POLL_S = 0.25; // while the window is full, how often the server is asked for its progress
const MAX_UNACKNOWLEDGED = 200; // durable events after which a keepalive is sent at once; the server keeps 1,000
const MIN_SPEECH_S = 0.1; // `vad.min_speech_s`: shorter speech may have begun without an event
const SESSION_GONE = new Set(["resume_unknown", "session_expired"]); // a `session_lost` warning reports these

/** One session, over as many connections as it takes. */
class ClientCore {
  /**
   * @param {{channels?: number, pace?: "realtime" | "fast"}} changes options that differ from the protocol's defaults;
   *   the rate is 16 kHz, the encoding 16 bits, and channels are mixed
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
    this.warnings = []; // events that the client itself adds; the caller takes them out
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
    if (event.protocol !== PROTOCOL) throw new Error(`the server speaks ${event.protocol}, this client ${PROTOCOL}`);
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

// Why no websocket opens. A browser hides that, so the same address is asked by plain HTTP.

/**
 * Ask the server whether a stream could be opened now.
 * @param {string} address of the stream, http or https
 * @returns {Promise<{kind: "ready" | "token" | "full" | "refused" | "gone" | "strange", retryable: boolean,
 *   minDelayS: number}>}
 */
async function diagnose(address, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(10_000) });
  } catch {
    return { kind: "gone", retryable: true, minDelayS: 0 }; // or the server lets no page of this origin read it
  }
  const wait = Number(response.headers.get("Retry-After")) || 0;
  const kinds = { 401: "token", 403: "refused", 426: "ready", 503: "full" };
  const kind = kinds[response.status] ?? (response.status >= 500 ? "gone" : "strange");
  return { kind, retryable: ["ready", "full", "gone"].includes(kind), minDelayS: wait };
}

/**
 * What a finding means and what to do.
 * @param {{host: string, origin: string}} place the server's host, and the page's origin, "" outside a browser
 */
function connectionProblem({ kind, minDelayS }, { host, origin }) {
  const foreign = origin && !origin.endsWith(`//${host}`);
  switch (kind) {
    case "token":
      return "The server needs a token, or another one. Start again and enter it.";
    case "full":
      return `The server is full. Try again ${minDelayS ? `in ${minDelayS} s` : "later"}.`;
    case "gone":
      return (
        `The server at ${host} does not answer. Is \`emoscope serve\` running there?` +
        (foreign ? ` It must also allow this page: emoscope serve --origin ${origin}.` : "")
      );
    case "ready": // plain HTTP is answered, and the websocket is not
    case "refused":
      return (
        `The server at ${host} answers, but opens no stream. ` +
        (origin ? `Whoever runs it can allow this page: emoscope serve --origin ${origin}. ` : "") +
        `A proxy before the server must pass websockets on.`
      );
  }
  return `Something else than an Emoscope server answers at ${host}. Check the address.`;
}

// The edge of the client: websockets, clock and timers around the core. It is driven by audio and by events as well as
// by a timer, because a browser slows the timers of a hidden tab.


const OPEN = 1; // `readyState` of a socket that can send
const TICK_MS = 100;
const OPEN_TIMEOUT_MS = 10_000;
const CLOSED_TIMEOUT_MS = 5_000; // for the server to close the socket after `session.closed`
const MOST_BUFFERED_BYTES = 32_000; // one second of audio in the browser's own buffer; the rest waits in ours

/**
 * A session on a server. Callbacks: `deliver(event)`, `report(connected)`, `ended(message)`, "" without an error, and
 * `progressed()` after everything that may have made room.
 */
class Stream {
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
function placeOf(address) {
  return { host: address.host, origin: globalThis.location?.origin ?? "" };
}

/** Seconds on a clock that only goes forward. */
function now() {
  return performance.now() / 1000;
}

// A client for pages and programs: sound goes in, events come out, and a lost connection loses nothing.


const STREAM_PATH = "/v1/stream";
const FIXED = ["sample_rate", "encoding", "channel_mode"]; // `send` makes 16-bit samples at 16 kHz of everything

/** One session on a server. Names that are no event's: `event` is every event; `connected`, `lost`, `ended`. */
class Emoscope {
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

export { Emoscope, openMicrophone };
