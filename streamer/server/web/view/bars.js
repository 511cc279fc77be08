// One bar for each label, always in the same order: dim while it may change, bright when it is final.

import { element, setText } from "./dom.js";
import { probability } from "./format.js";
import { colourOf, inkOn } from "./palette.js";

const TREND = 0.05; // a score that changed by more than this gets an arrow

/** Make the rows; once a model. */
export function buildBars(list, labels, letters) {
  list.replaceChildren(
    ...labels.map((label) => {
      const fill = element("span", "fill");
      const mood = element("span", "tick");
      const track = element("span", "track", [fill, mood]);
      track.ariaHidden = "true";
      fill.style.backgroundColor = colourOf(label, labels);
      const row = element("li", "bar", [badgeOf(label, labels, letters), element("span", "name", [label]), track]);
      row.append(element("span", "value", ["–"]), trendMark());
      row.dataset.label = label;
      return row;
    }),
  );
}

/** Show the newest reading, and the mood as a mark on each bar. */
export function updateBars(list, { reading, before, mood }) {
  list.classList.toggle("final", reading?.type === "emotion.final");
  const best = reading ? Math.max(...Object.values(reading.scores)) : 0;
  for (const row of list.children) {
    const { label } = row.dataset;
    const share = reading?.scores[label] ?? 0;
    const moved = share - (before[label] ?? share);
    row.classList.toggle("best", share > 0 && share === best);
    row.querySelector(".fill").style.width = `${(100 * share).toFixed(1)}%`;
    const tick = row.querySelector(".tick");
    tick.hidden = !mood;
    tick.style.left = `${(100 * (mood?.scores[label] ?? 0)).toFixed(1)}%`;
    setText(row.querySelector(".value"), reading ? probability(share) : "–");
    setText(row.querySelector(".trend"), moved > TREND ? "▲" : moved < -TREND ? "▼" : "");
  }
}

/** A square with the label's letter on its colour. */
export function badgeOf(label, labels, letters) {
  const badge = element("span", "badge");
  paintBadge(badge, label, labels, letters);
  badge.ariaHidden = "true";
  return badge;
}

export function paintBadge(badge, label, labels, letters) {
  const colour = colourOf(label, labels);
  badge.style.backgroundColor = colour;
  badge.style.color = inkOn(colour);
  setText(badge, letters[label] ?? "?");
}

function trendMark() {
  const mark = element("span", "trend");
  mark.ariaHidden = "true";
  return mark;
}
