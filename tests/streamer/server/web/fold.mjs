// For test_web_page.py: folds the events on stdin, and prints what is shown after each, as JSON lines.

import { readFileSync } from "node:fs";

import { lettersOf, colourOf } from "../../../../streamer/server/web/view/palette.js";
import { clock, probability, signed } from "../../../../streamer/server/web/view/format.js";
import { apply, newState } from "../../../../streamer/server/web/view/state.js";

const state = newState();
for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  apply(state, JSON.parse(line));
  const { headline, now, speaking, before, language, droppedS } = state;
  const shown = {
    headline, now, speaking, before, language, droppedS,
    mood: state.mood?.label ?? null,
    strip: state.strip.map(({ start, end, label, confidence }) => [start, end, label, confidence]),
    turns: state.turns.map(({ start, end, label, confidence, text }) => [start, end, label, confidence, text]),
    letters: lettersOf(state.labels),
    colours: state.labels.map((label) => colourOf(label, state.labels)),
    numbers: [clock(now), probability(state.reading?.confidence ?? 0), signed(state.reading?.dimensions.arousal ?? 0)],
  };
  console.log(JSON.stringify(shown));
}
