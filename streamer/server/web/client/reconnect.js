// Whether to connect again after a connection ended or could not be opened, and after how long. The rules are those of
// the Python client (streamer/client/reconnect.py, backoff.py, close_codes.py).

export const ABNORMAL_CLOSURE = 1006; // a connection that ended without a closing handshake (RFC 6455, 7.4.1)
export const DONE = 1000;
// Connect again and resume. A client sends keepalives, so 4408 tells it that nothing of what it sent arrived.
export const RETRIED = new Set([ABNORMAL_CLOSURE, 1011, 1012, 1013, 4408]);
export const RENEWED = new Set([4404, 4410]); // open a new session
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
export function closedBecause(code, reason) {
  const advice = ADVICE[code] ?? "The server ended the connection; its log says why.";
  return `${advice} (close code ${code}${reason ? `: ${reason}` : ""})`;
}

/** Retries with back-off until the timeout. A decision is {retryInS, reason} or {stop: message}; "" without an error. */
export class ReconnectPolicy {
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
