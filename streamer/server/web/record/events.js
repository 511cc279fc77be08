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
export const FIELDS = {
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
export function problemOf(event) {
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
export function decodeEvent(text) {
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
export function eventTime(event) {
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
