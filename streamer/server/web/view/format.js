// Numbers as text, in the forms of the terminal (streamer/display/shapes.py).

/** A probability with two decimals and no leading zero: .62, 1.0. */
export function probability(share) {
  return share >= 0.995 ? "1.0" : share.toFixed(2).slice(1);
}

/** A value in [-1, 1] with its sign: +.41, -.38. */
export function signed(value) {
  if (Math.abs(value) >= 0.995) return value > 0 ? "+1.0" : "-1.0";
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(2).slice(1)}`;
}

/** A time as mm:ss, or hh:mm:ss from one hour on. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** The words of a reading or of a transcript as one line. */
export function wordsToText(words) {
  return words.map((word, place) => (word.space !== false && place ? " " : "") + word.word).join("");
}

/** The median and the 95th percentile of numbers; null without any. */
export function percentiles(values) {
  if (!values.length) return null;
  const ranked = [...values].sort((a, b) => a - b);
  return [0.5, 0.95].map((share) => ranked[Math.min(ranked.length - 1, Math.floor(share * ranked.length))]);
}
