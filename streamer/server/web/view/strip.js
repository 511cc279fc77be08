// The last minute: height is confidence, colour and letter are the label, a gap is silence.

import { colours, font, pillar, prepare } from "./canvas.js";
import { colourOf } from "./palette.js";

const STRIP_S = 60;
const NAMES = 17; // pixels of the row of names below
const TICKS_S = [50, 40, 30, 20, 10];

export function drawStrip(canvas, state, letters) {
  const room = prepare(canvas);
  if (room === null) return;
  const { context, width, height } = room;
  const theme = colours();
  const edge = Math.max(state.now, 0);
  const x = (seconds) => width - ((edge - seconds) / STRIP_S) * width;
  const base = height - NAMES;
  context.font = font(10);
  context.fillStyle = theme.soft;
  context.strokeStyle = theme.faint;
  context.textAlign = "left";
  for (const tick of TICKS_S) {
    const at = Math.round(x(edge - tick)) + 0.5;
    context.beginPath();
    context.moveTo(at, 0);
    context.lineTo(at, base);
    context.stroke();
    context.fillText(`−${tick} s`, at + 4, 9);
  }
  context.strokeStyle = theme.line;
  context.beginPath();
  context.moveTo(0, base + 0.5);
  context.lineTo(width, base + 0.5);
  context.stroke();
  for (const { start, end, label, confidence } of state.strip) {
    context.fillStyle = colourOf(label, state.labels);
    const left = x(start);
    const tall = Math.max(2, confidence * (base - 14));
    pillar(context, left, base - tall, Math.max(1, x(end) - left - 0.75), tall, 2);
  }
  names(context, runsOf(state.strip), { x, top: base + 13, letters, theme });
  const name = describe(state.strip);
  if (canvas.getAttribute("aria-label") !== name) canvas.setAttribute("aria-label", name);
}

/** Neighbouring readings with the same label. */
export function runsOf(strip) {
  const runs = [];
  for (const { start, end, label } of strip) {
    const last = runs.at(-1);
    if (last && last.label === label && start - last.end < 0.05) last.end = end;
    else runs.push({ start, end, label });
  }
  return runs;
}

/** The name under each run where there is room, else its letter. */
function names(context, runs, { x, top, letters, theme }) {
  context.fillStyle = theme.ink;
  context.textAlign = "left";
  let free = -Infinity;
  for (const { start, end, label } of runs) {
    const left = Math.max(0, x(start));
    const room = x(end) - left;
    context.font = font(11, 500);
    const letter = letters[label] ?? "?";
    const text = context.measureText(label).width <= room ? label : letter;
    const taken = context.measureText(text).width;
    if (room < taken || left < free) continue; // a run of few pixels leaves its place to the next one
    context.fillText(text, left, top);
    free = left + taken + 3;
  }
}

function describe(strip) {
  const runs = runsOf(strip);
  if (!runs.length) return "Nothing was heard in the last minute.";
  return `Last minute, oldest first: ${runs.map((run) => run.label).join(", ")}.`;
}
