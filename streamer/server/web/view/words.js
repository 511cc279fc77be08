// What was said: each word of a final shines by its share of the attention; words that are not settled are dim.

import { element, setText } from "./dom.js";
import { probability } from "./format.js";

const STEPS = [0.25, 0.6, 0.9]; // of the largest weight: plain, strong, strongest

/** One of four steps of emphasis: `share` in [0, 1] of the largest weight. */
export function emphasis(share) {
  return STEPS.filter((step) => share >= step).length;
}

/** The parts of the line: [{text, step}], where step 0 to 3 is the emphasis and "open" a part that may change. */
export function wordParts({ transcript, reading, utterance }) {
  const weighed = reading?.type === "emotion.final" ? reading.words : [];
  if (transcript === null) return [];
  if (weighed.length && reading.utterance === transcript.utterance) {
    const top = Math.max(...weighed.map((word) => word.weight)) || 1;
    return weighed.map(({ word, weight, space }, place) => ({
      text: (space !== false && place ? " " : "") + word.trim(),
      step: emphasis(weight / top),
      weight,
    }));
  }
  const { text, stable } = transcript;
  if (transcript.utterance !== utterance) return [{ text, step: 0 }]; // of the previous utterance
  return [
    { text: text.slice(0, stable), step: 1 },
    { text: text.slice(stable), step: "open" },
  ].filter((part) => part.text);
}

export function showWords(target, sources, state) {
  const parts = wordParts(state);
  const key = JSON.stringify(parts);
  if (target.dataset.shown !== key) {
    target.dataset.shown = key;
    target.replaceChildren(...parts.map(spanOf));
  }
  const { reading, language } = state;
  const counted = reading?.sources.text > 0;
  const share = counted ? `voice ${probability(reading.sources.audio)}, words ${probability(reading.sources.text)}` : "";
  setText(sources, [language, share].filter(Boolean).join(" · "));
}

function spanOf({ text, step, weight }) {
  const word = element("span", `w-${step}`, [text]);
  if (weight !== undefined) word.title = `weight ${probability(weight)}`;
  return word;
}
