// Whether the browser held the page up for so long that sound was lost: a hidden tab, a phone that was put away.

const STALL_S = 1.5; // without a block
const SETTLE_S = 1; // until the blocks that only came late have come
const LOST_S = 0.5; // less is the unsteadiness of timers

/** Compares the blocks that came with the time that passed. The time is handed in. */
export class StallWatch {
  #last = null;
  #behind = 0; // time passed, minus audio received, since the first block
  #stall = null;

  /** Measure from the next block on, as after a pause. */
  restart() {
    this.#last = this.#stall = null;
    this.#behind = 0;
  }

  /**
   * Note a block of `seconds` that arrived at `now`.
   * @returns {number} seconds that a stall took away, once it is certain; else 0
   */
  arrived(seconds, now) {
    const gap = this.#last === null ? 0 : now - this.#last;
    const before = this.#behind;
    this.#behind += gap - (this.#last === null ? 0 : seconds);
    this.#last = now;
    if (gap > STALL_S && this.#stall === null) this.#stall = { at: now, before };
    if (this.#stall === null || now - this.#stall.at < SETTLE_S) return 0;
    const lost = this.#behind - this.#stall.before;
    this.#stall = null;
    return lost > LOST_S ? lost : 0;
  }
}
