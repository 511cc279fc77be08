// What is shown, apart from the drawing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, percentiles, probability, signed } from "../../../../streamer/server/web/view/format.js";
import { COLOURS, colourOf, inkOn } from "../../../../streamer/server/web/view/palette.js";
import { apply, newState, reset, say } from "../../../../streamer/server/web/view/state.js";
import { inputProblem, lagEntries } from "../../../../streamer/server/web/view/status.js";
import { runsOf } from "../../../../streamer/server/web/view/strip.js";
import { emphasis, wordParts } from "../../../../streamer/server/web/view/words.js";

const status = (changes) => ({
  type: "status", audio_s: 5, processed_s: 5, lag_s: { audio: 0.2, text: 0 }, dropped_s: 0, rtf: 0.12, level_dbfs: -20, ...changes,
});
const texts = (state, extra = {}) => lagEntries(state, extra).map(({ text }) => text);

test("numbers look as on the terminal", () => {
  assert.deepEqual([0.624, 0.999, 0].map(probability), [".62", "1.0", ".00"]);
  assert.deepEqual([0.41, -0.38, 1, -0.999].map(signed), ["+.41", "-.38", "+1.0", "-1.0"]);
  assert.deepEqual([0, 61.9, 3_725].map(clock), ["00:00", "01:01", "01:02:05"]);
  assert.deepEqual(percentiles([3, 1, 2]), [2, 3]);
  assert.equal(percentiles([]), null);
});

test("a letter is easy to read on its colour", () => {
  const luminance = (colour) => {
    const linear = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
    const [r, g, b] = linear.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const colour of [...Object.values(COLOURS), colourOf("unsure", []), colourOf("other", ["other"])]) {
    const [bright, dark] = [colour, inkOn(colour)].map(luminance).sort((a, b) => b - a);
    assert.ok((bright + 0.05) / (dark + 0.05) >= 4.5, colour);
  }
});

test("each cause of a lag is told when it is late", () => {
  const calm = apply(newState(), status({}));
  assert.deepEqual(texts(calm), ["lag 0.20 s", "RTF .12", "dropped 0 s"]);
  const late = apply(newState(), status({ lag_s: { audio: 3, text: 2 }, dropped_s: 1.5 }));
  assert.deepEqual(texts(late, { networkS: 4, lostS: 0.5 }), [
    "lag 7.00 s", "model 3.0 s", "words 2.0 s", "network 4.0 s", "RTF .12", "dropped 1.5 s (model)",
    "dropped 0.5 s (input)",
  ]);
  assert.ok(lagEntries(late, {}).filter(({ alarm }) => alarm === "late").length >= 3);
  assert.deepEqual(texts(late, { paced: false }).filter((text) => text.startsWith("lag")), []);
});

test("no signal, too quiet and clipping are told", () => {
  const state = apply(newState(), status({}));
  assert.equal(inputProblem(state, [-120, -120], true), "no signal");
  assert.equal(inputProblem(state, [-120, -40], true), "");
  assert.equal(inputProblem(state, [-120], false), "", "a record has no signal");
  apply(state, { type: "warning", code: "too_quiet", message: "", start: 5 });
  assert.equal(inputProblem(state, [-60], true), "too quiet");
  apply(state, { type: "warning", code: "clipping", message: "", start: 5 });
  assert.equal(inputProblem(state, [-1], true), "clipping");
});

test("a serious message stays until it is over, or another serious one comes", () => {
  const state = newState();
  say(state, "lost", true);
  say(state, "by the way");
  assert.equal(state.message, "lost");
  state.now = 33;
  say(state, "by the way");
  assert.equal(state.message, "by the way");
});

test("a mood from before a reset does not come back", () => {
  const state = newState();
  const mood = (start) => ({ type: "mood", start });
  state.now = 5;
  reset(state);
  apply(state, mood(1));
  assert.equal(state.mood, null);
  apply(state, mood(6));
  assert.equal(state.mood.start, 6);
});

test("an event of a later version changes nothing", () => {
  assert.deepEqual(apply(newState(), { type: "emotion.later" }), newState());
});

test("words of a final shine by their weight, and words that may change are apart", () => {
  const reading = { type: "emotion.final", utterance: 1, words: [
    { word: "so", weight: 0.1 }, { word: "happy", weight: 0.8 }, { word: "!", weight: 0.1, space: false }] };
  const said = { utterance: 1, text: "so happy!", stable: 9 };
  const parts = wordParts({ transcript: said, reading, utterance: 1 });
  assert.deepEqual(parts.map(({ text, step }) => [text, step]), [["so", 0], [" happy", 3], ["!", 0]]);
  const open = wordParts({ transcript: { utterance: 2, text: "so what", stable: 2 }, reading, utterance: 2 });
  assert.deepEqual(open, [{ text: "so", step: 1 }, { text: " what", step: "open" }]);
  assert.deepEqual(wordParts({ transcript: said, reading: null, utterance: 2 }), [{ text: "so happy!", step: 0 }]);
  assert.deepEqual([0, 0.25, 0.6, 1].map(emphasis), [0, 1, 2, 3]);
});

test("neighbouring readings of one label are one run of the strip, and a silence parts them", () => {
  const strip = [[0, 1, "sad"], [1, 2, "sad"], [2, 3, "calm"], [4, 5, "calm"]];
  const runs = runsOf(strip.map(([start, end, label]) => ({ start, end, label })));
  assert.deepEqual(runs.map((run) => [run.start, run.end, run.label]), [[0, 2, "sad"], [2, 3, "calm"], [4, 5, "calm"]]);
});
