// Colours and letters of labels: the same as on the terminal (streamer/display/palette.py); a test compares them. A label
// is never told by colour alone.

export const COLOURS = {
  angry: "#d6796c",
  bored: "#a13c05",
  calm: "#25775d",
  disgust: "#718219",
  fearful: "#9d2bf0",
  happy: "#b19106",
  neutral: "#949499",
  sad: "#578ef9",
  surprised: "#c448ac",
};
const APART = ["sad", "happy", "calm", "surprised", "fearful", "disgust", "angry", "bored", "neutral"];
const UNSURE = "#7c8794";

/** The colour of a label; `unsure` and unknown labels are grey. */
export function colourOf(label, labels) {
  if (label in COLOURS) return COLOURS[label];
  const place = labels.indexOf(label);
  return place < 0 ? UNSURE : COLOURS[APART[place % APART.length]];
}

/** Black or white, whichever is easier to read on a colour (WCAG 2.1, 1.4.3). */
export function inkOn(colour) {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000000" : "#ffffff";
}

/** A capital for each label: the first of its letters that no other label has. `unsure` is a question mark. */
export function lettersOf(labels) {
  const taken = { unsure: "?" };
  for (const label of labels) {
    const free = [...label].filter((c) => /\p{L}/u.test(c) && !Object.values(taken).includes(c.toUpperCase()));
    taken[label] = free.length ? free[0].toUpperCase() : String(Object.keys(taken).length % 10);
  }
  return taken;
}
