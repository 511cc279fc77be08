// The utterance that is read, or that was read last: its loudness over time, strong in colour where the reading rests.

import { heightOf } from "../audio/levels.js";
import { colours, font, prepare } from "./canvas.js";
import { clock } from "./format.js";
import { colourOf } from "./palette.js";

const COLUMN = 4; // pixels of one bar with its gap
const RIBBON = 14; // pixels of the curve of weights below

/**
 * Draw the picture.
 * @param {(start: number, end: number) => number[]} levelsBetween levels in dBFS between two times; [] without any
 */
export function drawWaveform(canvas, state, levelsBetween) {
  const room = prepare(canvas);
  if (room === null) return;
  const { context, width, height } = room;
  const theme = colours();
  const { reading } = state;
  const live = state.speaking && (reading === null || reading.utterance !== state.utterance);
  const start = live ? state.startedAt : reading?.start;
  if (start === undefined) return;
  const end = Math.max(start + 0.5, state.speaking ? state.now : reading.end);
  const columns = Math.max(1, Math.floor(width / COLUMN));
  const step = (end - start) / columns;
  const levels = levelsBetween(start, end);
  const rates = live ? [] : ratesOf(reading.attention);
  const top = Math.max(...rates.map((span) => span.rate), 1e-9);
  const shape = height - RIBBON - 6;
  const middle = shape / 2;
  for (let column = 0; column < columns; column += 1) {
    const from = start + column * step;
    const span = rates.find((one) => from + step / 2 >= one.start && from + step / 2 < one.end);
    const share = span ? span.rate / top : 0;
    // A record has no sound: there the weight alone is drawn, as height too.
    const loudness = levels.length ? heightOf(loudest(levels, column / columns, (column + 1) / columns)) : share * 0.8;
    const half = Math.max(1, loudness * middle);
    context.fillStyle = span ? colourOf(reading.label, state.labels) : theme.soft;
    context.globalAlpha = span ? 0.22 + 0.78 * share ** 1.5 : 0.35;
    context.beginPath();
    context.roundRect(column * COLUMN, middle - half, COLUMN - 1.5, 2 * half, 1.2);
    context.fill();
  }
  context.globalAlpha = 1;
  if (rates.length) drawRibbon(context, rates, top, { start, end, width, bottom: height - 1 }, theme);
  const name = live ? "No reading of this utterance yet." : describe(reading, rates);
  if (canvas.getAttribute("aria-label") !== name) canvas.setAttribute("aria-label", name);
}

/** Weights per second: the last span may be shorter than the others. */
function ratesOf(attention) {
  return attention.map(({ start, end, weight }) => ({ start, end, rate: weight / Math.max(1e-3, end - start) }));
}

function loudest(levels, from, to) {
  const begin = Math.min(levels.length - 1, Math.floor(from * levels.length));
  return Math.max(...levels.slice(begin, Math.max(begin + 1, Math.floor(to * levels.length))));
}

/** The weights once more, as a curve, so that they are not told by colour alone. */
function drawRibbon(context, rates, top, { start, end, width, bottom }, theme) {
  const x = (seconds) => ((seconds - start) / (end - start)) * width;
  context.strokeStyle = theme.line;
  context.beginPath();
  context.moveTo(0, bottom);
  context.lineTo(width, bottom);
  context.stroke();
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.beginPath();
  for (const [place, span] of rates.entries()) {
    const y = bottom - (span.rate / top) * (RIBBON - 2);
    if (place === 0) context.moveTo(x(span.start), y);
    context.lineTo(x((span.start + span.end) / 2), y);
    if (place === rates.length - 1) context.lineTo(x(span.end), y);
  }
  context.stroke();
  context.lineWidth = 1;
  context.font = font(10);
}

function describe(reading, rates) {
  const first = rates.reduce((best, span) => (span.rate > best.rate ? span : best), rates[0] ?? { rate: 0 });
  const most = rates.length ? ` The reading rests most on ${clock(first.start)} to ${clock(first.end)}.` : "";
  return `Loudness of the utterance from ${clock(reading.start)} to ${clock(reading.end)}.${most}`;
}
