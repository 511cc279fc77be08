// Plays the events of a record at their times. The time is handed in.

import { eventTime } from "./events.js";

export class RecordPlayer {
  /** @param {object[]} events of one record, in order */
  constructor(events) {
    this.events = events;
    this.next = 0;
    this.position = 0; // seconds on the audio clock
    this.speed = 1;
    this.paused = false;
    this.last = null;
    this.length = events.reduce((latest, event) => Math.max(latest, eventTime(event) ?? 0), 0);
  }

  get done() {
    return this.next >= this.events.length;
  }

  /** The events that are due now. */
  advance(now) {
    if (this.last !== null && !this.paused) this.position += (now - this.last) * this.speed;
    this.last = now;
    this.position = Math.min(this.position, this.length);
    return this.#until(this.position);
  }

  /** Jump to a time; the events from the beginning to there, for a state that starts anew. */
  seek(seconds) {
    this.position = Math.max(0, Math.min(seconds, this.length));
    this.next = 0;
    return this.#until(this.position);
  }

  #until(seconds) {
    const begin = this.next;
    while (!this.done && (eventTime(this.events[this.next]) ?? 0) <= seconds) this.next += 1;
    return this.events.slice(begin, this.next);
  }
}
