// Which durable events have arrived, and how much audio the server has processed. The rules are those of the Python
// client (streamer/client/acknowledgement.py); the page has one channel.

/** What a session's events have reached. Times are on the session's clock. */
export class Received {
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
