// A record that is played: its events at their times, drawn as a live session is.

import { RecordPlayer } from "./record/player.js";
import { apply, at, newState } from "./view/state.js";

export class Replay {
  constructor(name, events) {
    this.name = name;
    this.player = new RecordPlayer(events);
    this.state = newState();
  }

  /** Apply what is due. */
  advance(now) {
    for (const event of this.player.advance(now)) apply(this.state, event);
    at(this.state, this.player.position);
  }

  /** Show the moment `seconds`: a state that was folded from the beginning to there. */
  seek(seconds) {
    this.state = newState();
    for (const event of this.player.seek(seconds)) apply(this.state, event);
  }

  extra() {
    const { player } = this;
    const phase = player.done ? "ended" : player.paused ? "paused" : "replay";
    return {
      phase,
      phaseName: phase === "replay" ? `replay ×${player.speed}` : phase,
      source: this.name,
      paced: true,
      live: false,
      waiting: "nothing was heard yet",
    };
  }
}
