// The last lines: the level, how far behind the reading is and why, what was lost, and the newest message.

import { heightOf } from "../audio/levels.js";
import { byId, element, setText } from "./dom.js";
import { percentiles, probability } from "./format.js";
import { warns } from "./state.js";

const LATE_S = 1; // from here on a lag is marked
const NO_SIGNAL_DBFS = -90;

/**
 * The entries of the line of lags: [{text, alarm}], where alarm is "", "late" or "lost".
 * @param {object} extra `networkS`: captured, not sent yet; `lostS`: lost by the network or the browser; `paced`: a lag
 *   has a meaning
 */
export function lagEntries(state, { networkS = 0, lostS = 0, paced = true }) {
  const entries = [];
  const lag = (name, seconds) =>
    entries.push({ text: `${name} ${seconds.toFixed(2)} s`, alarm: seconds > LATE_S ? "late" : "" });
  if (paced) {
    lag("lag", state.lagS + networkS);
    if (state.lagS > LATE_S) entries.push({ text: `model ${state.lagS.toFixed(1)} s`, alarm: "late" });
    if (state.lagTextS > LATE_S) entries.push({ text: `words ${state.lagTextS.toFixed(1)} s`, alarm: "late" });
    if (networkS > LATE_S) entries.push({ text: `network ${networkS.toFixed(1)} s`, alarm: "late" });
  }
  const times = percentiles(state.inferMs);
  if (times) entries.push({ text: `infer p50/p95 ${times.map((ms) => ms.toFixed(0)).join("/")} ms`, alarm: "" });
  if (state.rtf) entries.push({ text: `RTF ${probability(state.rtf)}`, alarm: "" });
  const lost = (why, seconds) => {
    if (seconds) entries.push({ text: `dropped ${seconds.toFixed(1)} s (${why})`, alarm: "lost" });
  };
  lost("model", state.droppedS);
  lost("input", lostS);
  if (!state.droppedS && !lostS) entries.push({ text: "dropped 0 s", alarm: "" });
  return entries;
}

/** What is wrong with the input; "" when nothing is. */
export function inputProblem(state, levels, live) {
  if (warns(state, "clipping")) return "clipping";
  if (!live || state.now < 1 || !levels.length) return "";
  if (Math.max(...levels) <= NO_SIGNAL_DBFS) return "no signal";
  return warns(state, "too_quiet") && levels.at(-1) < -50 ? "too quiet" : "";
}

export function showStatus(state, extra) {
  const recent = extra.levels?.newest(50) ?? [];
  const level = recent.length ? Math.max(...recent.slice(-10)) : state.level;
  const bar = byId("level");
  const problem = inputProblem(state, recent, extra.live);
  bar.style.width = `${100 * heightOf(level ?? -120)}%`;
  bar.classList.toggle("amber", problem !== "");
  setText(byId("level-text"), level === null ? "" : `${Math.round(level)} dBFS${problem ? ` · ${problem}` : ""}`);
  const entries = lagEntries(state, extra);
  const key = JSON.stringify(entries);
  const list = byId("lags");
  if (list.dataset.shown !== key) {
    list.dataset.shown = key;
    list.replaceChildren(...entries.map(({ text, alarm }) => element("li", alarm, [text])));
  }
  const message = byId("message");
  const shown = state.message && state.now < state.messageUntil ? state.message : "";
  setText(message, shown || extra.standing || "");
  message.classList.toggle("serious", Boolean(shown) && state.serious);
}
