// When a live voice leaves the browser too slowly: new blocks are dropped, because old ones would only arrive later.

const HOLD_S = 8; // audio that may wait to be sent before new blocks are dropped
const RESUME_S = 4; // and how little must wait before they are taken again

/** Decides for each block of a microphone. What is dropped is counted, and is no part of the session's clock. */
export class BlockDropper {
  droppedS = 0; // of the whole session
  episodeS = 0; // of the episode that is under way
  dropping = false;

  /**
   * Whether a block of `seconds` is kept.
   * @param {number} unsentS audio that waits to be sent
   * @param {boolean} steady the connection is open, and is not catching up after a reconnect: only then does waiting
   *   audio mean a slow network. While it is lost, the ring buffer keeps everything for the resume.
   */
  keep(seconds, unsentS, steady) {
    if (steady && unsentS > HOLD_S) this.dropping = true;
    if (!steady || unsentS < RESUME_S) this.dropping = false;
    if (!this.dropping) return true;
    this.droppedS += seconds;
    this.episodeS += seconds;
    return false;
  }

  /** Seconds of an episode that is over, once; 0 without one. */
  takeEpisode() {
    if (this.dropping || !this.episodeS) return 0;
    const seconds = this.episodeS;
    this.episodeS = 0;
    return seconds;
  }
}
