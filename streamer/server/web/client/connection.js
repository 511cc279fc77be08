// The state of one connection: its phase, and when the server last answered. The rules are those of the Python client
// (streamer/client/connection.py).

const ANSWER_TIMEOUT_S = 15; // each keepalive is answered: a connection without any message for this long is dead
const COMMANDS_PER_SECOND = 10; // half of what the server accepts; keepalives count there too
const COMMAND_BURST = 30;

export const Phase = Object.freeze({
  OFFLINE: "offline",
  GREETING: "waiting for session.created",
  UPDATING: "waiting for session.updated",
  RESUMING: "waiting for session.resumed",
  STREAMING: "streaming",
});

/** One connection. Times are on the caller's clock, in seconds. */
export class Connection {
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
