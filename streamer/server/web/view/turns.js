// The finished utterances, the newest first.

import { badgeOf } from "./bars.js";
import { element } from "./dom.js";
import { clock, probability } from "./format.js";

const SHOWN = 200;

export class Turns {
  #shown = [];

  constructor(list) {
    this.list = list;
  }

  /** Add what is new; a list that was cut or began anew is built again. */
  show(turns, labels, letters) {
    const same = this.#shown.length <= turns.length && this.#shown.every((turn, place) => turn === turns[place]);
    if (!same) this.list.replaceChildren();
    for (const turn of same ? turns.slice(this.#shown.length) : turns) this.list.prepend(row(turn, labels, letters));
    while (this.list.children.length > SHOWN) this.list.lastChild.remove();
    this.#shown = turns;
  }
}

function row({ start, end, label, confidence, text }, labels, letters) {
  const time = element("span", "time", [`${clock(start)}–${clock(end)}`]);
  const name = element("span", "name", [label]);
  const item = element("li", "turn", [time, badgeOf(label, labels, letters), name]);
  item.append(element("span", "value", [probability(confidence)]));
  item.append(element("span", "text", [text || `${(end - start).toFixed(1)} s`]));
  return item;
}

/** A final as a sentence for a screen reader. */
export function spoken({ label, confidence, start, end, text }) {
  const words = text ? `: ${text}` : "";
  return `${label}, ${Math.round(100 * confidence)} percent, ${(end - start).toFixed(1)} seconds${words}`;
}
