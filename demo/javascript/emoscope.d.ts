/** Types of emoscope.js. streamer/protocol.md describes every event and every option. */

export interface Options {
  /** What the server asks for, if it asks. */
  token?: string;
  config?: Config;
  /** A WebSocket as browsers have it, where none is global: Node before version 22. */
  WebSocket?: unknown;
}

/** The options of a session. The rate is that of `send`; channels are mixed. */
export interface Config {
  channels?: number;
  pace?: "realtime" | "fast";
  interim?: boolean;
  interval_s?: number;
  transcript?: boolean;
  language?: string | null;
  attention?: boolean;
  baseline?: "off" | "running" | "enrolled";
  text_wait_s?: number;
  refresh_s?: number;
  half_life_s?: number;
  vad?: {
    backend?: "webrtc" | "silero" | "both";
    threshold?: number;
    min_speech_s?: number;
    min_silence_s?: number;
    max_utterance_s?: number;
  };
}

export interface Span {
  start: number;
  end: number;
}

export interface WeighedSpan extends Span {
  weight: number;
}

export interface WeighedWord extends WeighedSpan {
  word: string;
  space?: boolean;
}

export interface SpokenWord extends Span {
  word: string;
  p: number;
  space?: boolean;
}

/** Only where each channel has a session of its own. */
interface Channel {
  channel?: number;
}

/** Durable: each comes once, in order. */
interface Durable extends Channel {
  seq: number;
}

interface Reading extends Span {
  utterance: number;
  label: string;
  confidence: number;
  scores: Record<string, number>;
  dimensions: Record<string, number>;
  derived: boolean;
  segments: number;
  sources: { audio: number; text: number };
  attention: WeighedSpan[];
  baseline: "off" | "running" | "enrolled";
  latency?: { window_s: number; queue_ms: number; infer_ms: number } | null;
}

interface Transcript extends Span {
  utterance: number;
  text: string;
  stable: number;
}

export interface SessionCreated extends Channel {
  type: "session.created";
  session_id: string;
  protocol: string;
  server: string;
  started_at: string;
  model: { id: string; labels: string[]; dimensions: string[]; languages: string[]; licence: string };
  config: Record<string, unknown>;
  limits: Record<string, number>;
  notice: string;
  resume_token?: string | null;
  source?: string | null;
}

export interface SessionUpdated extends Channel {
  type: "session.updated";
  config: Record<string, unknown>;
}

export interface SessionResumed extends Channel {
  type: "session.resumed";
  audio_s: number;
  next_seq: number;
}

export interface SpeechStarted extends Durable {
  type: "speech.started";
  utterance: number;
  start: number;
}

export interface SpeechEnded extends Durable, Span {
  type: "speech.ended";
  utterance: number;
  reason: "silence" | "max" | "flush" | "finish";
}

export interface EmotionInterim extends Channel, Reading {
  type: "emotion.interim";
  rev: number;
}

export interface EmotionFinal extends Durable, Reading {
  type: "emotion.final";
  text: "used" | "timeout" | "off";
  words: WeighedWord[];
}

export interface Mood extends Durable, Span {
  type: "mood";
  half_life_s: number;
  label: string;
  confidence: number;
  scores: Record<string, number>;
  dimensions: Record<string, number>;
}

export interface TranscriptInterim extends Channel, Transcript {
  type: "transcript.interim";
}

export interface TranscriptFinal extends Durable, Transcript {
  type: "transcript.final";
  language: string | null;
  language_p: number | null;
  words: SpokenWord[];
}

export interface Status extends Channel {
  type: "status";
  audio_s: number;
  processed_s: number;
  lag_s: { audio: number; text: number };
  dropped_s: number;
  rtf: number;
  level_dbfs: number;
}

export interface Warning extends Channel {
  type: "warning";
  code: string;
  message: string;
  start?: number | null;
  end?: number | null;
}

export interface ErrorEvent extends Channel {
  type: "error";
  code: string;
  message: string;
  fatal: boolean;
  param?: string | null;
}

export interface Enrolled extends Channel {
  type: "enrolled";
  seconds: number;
}

export interface SessionClosed extends Durable {
  type: "session.closed";
  reason: string;
  totals: { audio_s: number; speech_s: number; utterances: number; dropped_s: number };
}

export type EmoscopeEvent =
  | SessionCreated | SessionUpdated | SessionResumed | SpeechStarted | SpeechEnded | EmotionInterim | EmotionFinal
  | Mood | TranscriptInterim | TranscriptFinal | Status | Warning | ErrorEvent | Enrolled | SessionClosed;

/** What `on` tells: each type of event, every event, and what becomes of the connection. */
export type Listeners = {
  [Type in EmoscopeEvent["type"]]: Extract<EmoscopeEvent, { type: Type }>;
} & {
  event: EmoscopeEvent;
  connected: undefined;
  /** The connection is lost, and the server is tried again; sound is kept meanwhile. */
  lost: undefined;
  /** The session is over; why, where it failed, else "". */
  ended: string;
};

/** One session on a server. */
export class Emoscope {
  /** url: ws, wss, http or https; `/v1/stream` is added where there is no path. */
  constructor(url: string | URL, options?: Options);
  /** As the promise of `finish`. */
  readonly finished: Promise<SessionClosed>;
  /** Connect. */
  open(): this;
  on<Type extends keyof Listeners>(type: Type, listener: (value: Listeners[Type]) => void): this;
  /** Call `listener` no longer at events of that type. */
  off<Type extends keyof Listeners>(type: Type, listener: (value: Listeners[Type]) => void): this;
  /** Interleaved samples at `rate` Hz (16,000). With `pace: "fast"` the promise waits until the server has room. */
  send(samples: Int16Array | Float32Array, rate?: number): Promise<void>;
  /** End the current utterance now. */
  flush(): void;
  /** Forget mood, baseline and words. */
  reset(): void;
  /** Learn the speaker's calm voice from the next seconds of speech. */
  enroll(seconds: number): void;
  /** Any message of the protocol about the session. */
  command(message: { type: string; [field: string]: unknown }): void;
  /** No more sound comes. Resolves when every event is there; rejects when it never will be. */
  finish(): Promise<SessionClosed>;
  /** Leave at once. */
  close(): void;
  /** Every event from now on, until the session is over; throws when it failed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<EmoscopeEvent>;
}

export interface Microphone {
  name: string;
  rate: number;
  close(): void;
}

/** Blocks of 100 ms at 16 kHz from the browser's microphone. `lasting` tells whether the device is gone for good. */
export function openMicrophone(
  onBlock: (block: Int16Array) => void,
  onTrouble: (message: string, lasting: boolean) => void,
): Promise<Microphone>;
