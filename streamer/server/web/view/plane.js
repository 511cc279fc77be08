// Arousal (upwards) and valence (to the right), with the way of the last minute and the letter of each utterance.

import { colours, font, prepare } from "./canvas.js";
import { signed } from "./format.js";
import { colourOf, inkOn } from "./palette.js";

const STRIP_S = 60;
const MARGIN = 20;

export function drawPlane(canvas, state, letters) {
  const room = prepare(canvas);
  if (room === null) return;
  const { context, width, height } = room;
  const theme = colours();
  const box = { left: MARGIN, top: MARGIN, width: width - 2 * MARGIN, height: height - 2 * MARGIN };
  const place = ({ arousal, valence }) => [
    box.left + ((clamp(valence) + 1) / 2) * box.width,
    box.top + ((1 - clamp(arousal)) / 2) * box.height,
  ];
  axes(context, box, theme);
  way(context, state, place);
  for (const point of state.trail.filter((one) => one.final)) {
    const age = (state.now - point.end) / STRIP_S;
    badge(context, place(point), 9, point.label, state, letters, 0.9 - 0.6 * Math.min(1, age));
  }
  const { reading } = state;
  if (reading && reading.dimensions.arousal !== undefined && reading.dimensions.valence !== undefined) {
    const at = place(reading.dimensions);
    context.strokeStyle = colourOf(reading.label, state.labels);
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...at, 17, 0, 2 * Math.PI);
    context.stroke();
    context.lineWidth = 1;
    badge(context, at, 12, reading.label, state, letters, 1);
    const { arousal, valence } = reading.dimensions;
    const name = `Arousal ${signed(arousal)}, valence ${signed(valence)}, ${reading.label}.`;
    if (reading.type === "emotion.final" && canvas.getAttribute("aria-label") !== name) {
      canvas.setAttribute("aria-label", name);
    }
  }
}

function axes(context, { left, top, width, height }, theme) {
  context.strokeStyle = theme.faint;
  context.fillStyle = theme.faint;
  context.beginPath();
  context.roundRect(left + 0.5, top + 0.5, width - 1, height - 1, 10);
  context.stroke();
  context.setLineDash([3, 4]);
  context.strokeStyle = theme.line;
  context.beginPath();
  context.moveTo(left + width / 2, top);
  context.lineTo(left + width / 2, top + height);
  context.moveTo(left, top + height / 2);
  context.lineTo(left + width, top + height / 2);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = theme.soft;
  context.font = font(11);
  context.textAlign = "center";
  context.fillText("excited", left + width / 2, top - 7);
  context.fillText("still", left + width / 2, top + height + 15);
  context.textAlign = "left";
  context.fillText("unpleasant", left + 8, top + height / 2 - 6);
  context.textAlign = "right";
  context.fillText("pleasant", left + width - 8, top + height / 2 - 6);
}

/** A line through the readings of each utterance, fainter the older it is. */
function way(context, state, place) {
  context.lineWidth = 2;
  context.lineCap = "round";
  for (const [index, point] of state.trail.entries()) {
    const before = state.trail[index - 1];
    if (!before || before.utterance !== point.utterance) continue;
    context.globalAlpha = 0.75 * (1 - Math.min(0.9, (state.now - point.end) / STRIP_S));
    context.strokeStyle = colourOf(point.label, state.labels);
    context.beginPath();
    context.moveTo(...place(before));
    context.lineTo(...place(point));
    context.stroke();
  }
  context.globalAlpha = 1;
  context.lineWidth = 1;
}

function badge(context, [x, y], radius, label, state, letters, alpha) {
  const colour = colourOf(label, state.labels);
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = inkOn(colour);
  context.font = font(radius * 1.25, 700);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letters[label] ?? "?", x, y + 0.5);
  context.textBaseline = "alphabetic";
  context.globalAlpha = 1;
}

function clamp(value) {
  return Math.max(-1, Math.min(1, value));
}
