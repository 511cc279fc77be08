// The whole picture, drawn from the newest state.

import { buildBars, paintBadge, updateBars } from "./bars.js";
import { byId, setText } from "./dom.js";
import { clock, probability, signed } from "./format.js";
import { lettersOf } from "./palette.js";
import { drawPlane } from "./plane.js";
import { showStatus } from "./status.js";
import { drawStrip } from "./strip.js";
import { spoken, Turns } from "./turns.js";
import { drawWaveform } from "./waveform.js";
import { showWords } from "./words.js";

export class Screen {
  #labels = null;
  #letters = {};
  #announced = null;
  #turns = new Turns(byId("turns"));

  /**
   * Draw a frame.
   * @param {object} extra what is no event: `phase`, `phaseName`, `levels`, `levelsBetween`, `networkS`, `lostS`,
   *   `paced`, `live`, `standing` (a message that stays)
   */
  draw(state, extra) {
    if (state.labels !== this.#labels) this.#newModel(state);
    byId("phase").dataset.phase = extra.phase;
    setText(byId("phase-name"), extra.phaseName);
    setText(byId("clock"), clock(state.now));
    setText(byId("origin"), [extra.source, state.model && `model ${state.model}`].filter(Boolean).join(" · "));
    this.#headline(state, extra);
    updateBars(byId("bars"), state);
    setText(byId("mood"), moodLine(state.mood));
    setText(byId("dimensions"), dimensionsLine(state.reading));
    showWords(byId("words"), byId("sources"), state);
    drawPlane(byId("plane"), state, this.#letters);
    drawWaveform(byId("waveform"), state, extra.levelsBetween ?? (() => []));
    drawStrip(byId("strip"), state, this.#letters);
    this.#turns.show(state.turns, state.labels, this.#letters);
    this.#announce(state);
    showStatus(state, extra);
  }

  #newModel(state) {
    this.#labels = state.labels;
    this.#letters = lettersOf(state.labels);
    buildBars(byId("bars"), state.labels, this.#letters);
    const planar = ["arousal", "valence"].every((name) => state.dimensions.includes(name));
    byId("plane-card").hidden = !planar && state.dimensions.length === 0;
    if (state.notice) setText(byId("notice"), state.notice);
  }

  #headline(state, extra) {
    const { reading, headline } = state;
    const title = byId("headline");
    const badge = byId("headline-badge");
    const final = reading?.type === "emotion.final";
    title.parentElement.classList.toggle("final", final);
    title.parentElement.classList.toggle("empty", reading === null);
    if (reading === null) {
      setText(title, extra.waiting ?? "listening");
      setText(byId("confidence"), "");
      setText(byId("detail"), extra.live ? "Say something." : "");
      setText(badge, "");
      badge.style.backgroundColor = "";
      return;
    }
    paintBadge(badge, headline, state.labels, this.#letters);
    setText(title, headline);
    const confidence = headline === reading.label ? reading.confidence : (reading.scores[headline] ?? reading.confidence);
    setText(byId("confidence"), probability(confidence));
    const ranked = Object.entries(reading.scores).sort((a, b) => b[1] - a[1]);
    const perhaps = headline === "unsure" && ranked.length ? `perhaps ${ranked[0][0]} · ` : "";
    const span = `${clock(reading.start)}–${clock(reading.end)}`;
    const kind = final ? `final · ${span}` : `interim · ${(reading.end - reading.start).toFixed(1)} s, may change`;
    setText(byId("detail"), perhaps + kind);
  }

  /** Finals alone are said to a screen reader, each once. */
  #announce(state) {
    const turn = state.turns.at(-1) ?? null;
    if (turn === this.#announced) return;
    this.#announced = turn;
    setText(byId("said"), turn ? spoken(turn) : "");
  }
}

function moodLine(mood) {
  if (mood === null) return "Mood: after the first utterance.";
  return `Mood (│): ${mood.label} ${probability(mood.confidence)}, since ${clock(mood.start)}, half-life ${mood.half_life_s}\u00a0s`;
}

function dimensionsLine(reading) {
  if (reading === null) return "";
  const values = Object.entries(reading.dimensions).map(([name, value]) => `${name} ${signed(value)}`);
  return values.join("  ") + (reading.derived && values.length ? "  (derived from the labels)" : "");
}
