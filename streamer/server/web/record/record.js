// The record of a session: its events as JSON lines, the same as those of `emoscope listen --record`.

import { decodeEvent, eventTime } from "./events.js";

const MOST_CHARACTERS = 256 * 1024 * 1024; // hours of speech; a browser's tab has little more memory
const PROTOCOL = "emoscope.v1";

/** Keeps the lines of a running session in memory, until somebody saves or leaves them. */
export class RecordKeeper {
  lines = [];
  characters = 0;

  /**
   * Append an event; false when the record is full.
   * @param {string} source name of the microphone or file, for `session.created`
   */
  add(event, source) {
    // The token gives access to the session, so it belongs in no file.
    const kept = event.type === "session.created" ? { ...event, resume_token: null, source } : event;
    const line = `${JSON.stringify(kept)}\n`;
    if (this.characters + line.length > MOST_CHARACTERS) return false;
    this.lines.push(line);
    this.characters += line.length;
    return true;
  }
}

/**
 * The events of a record. An incomplete last line is ignored, as after a kill.
 * @returns {{events: object[], problem: string}} the events before the first bad line, and what is wrong with that line
 */
export function readRecord(text, name) {
  const lines = text.split("\n");
  lines.pop(); // what follows the last line break is empty, or an incomplete line
  const events = [];
  for (const [index, line] of lines.entries()) {
    try {
      const event = decodeEvent(line);
      if (event.type === "session.created" && event.protocol !== PROTOCOL) {
        return { events, problem: `${name} is a record of ${event.protocol}; this page reads ${PROTOCOL}.` };
      }
      events.push(event);
    } catch (error) {
      return { events, problem: `${name}, line ${index + 1}: not an event of ${PROTOCOL} (${error.message}).` };
    }
  }
  if (!events.length) return { events, problem: `${name} holds no events.` };
  if (!events.some((event) => event.type === "session.closed")) {
    const seen = events.reduce((latest, event) => Math.max(latest, eventTime(event) ?? 0), 0);
    return { events, problem: `${name} breaks off at ${seen.toFixed(1)} s, before its session was closed.` };
  }
  return { events, problem: "" };
}

/** A name for a record that no earlier record has. */
export function recordName(date) {
  return `emoscope-${date.toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`;
}
