// The loudness of what was captured, for the level row and the waveform.

const POINT = 320; // frames of one point: 20 ms
const KEPT_S = 130; // a little more than the longest utterance that can be configured

export const FLOOR_DBFS = -60;
export const TOP_DBFS = -10;

/** Levels by position: frames since the page began to listen, at 16 kHz. */
export class Levels {
  points = []; // dBFS
  first = 0; // number of the oldest point
  #sum = 0;
  #count = 0;

  /** Add interleaved 16-bit samples. */
  add(samples, channels = 1) {
    for (let index = 0; index < samples.length; index += channels) {
      let frame = 0;
      for (let channel = 0; channel < channels; channel += 1) frame += samples[index + channel] / 32_768 / channels;
      this.#sum += frame * frame;
      this.#count += 1;
      if (this.#count === POINT) this.#complete();
    }
  }

  /** Levels in dBFS of the points between two positions, oldest first; [] where they are no longer held. */
  between(begin, end) {
    const from = Math.floor(begin / POINT) - this.first;
    if (from < 0) return [];
    return this.points.slice(from, Math.ceil(end / POINT) - this.first);
  }

  /** The newest levels, oldest first. */
  newest(count) {
    return this.points.slice(-count);
  }

  #complete() {
    this.points.push(Math.max(-120, 10 * Math.log10(this.#sum / this.#count + 1e-12)));
    this.#sum = this.#count = 0;
    const surplus = this.points.length - (2 * KEPT_S * 16_000) / POINT;
    if (surplus < 0) return;
    this.first += this.points.length / 2;
    this.points = this.points.slice(this.points.length / 2); // half at once, so that this is rare
  }
}

/** A level as a share of the height of a picture. */
export function heightOf(dbfs) {
  return Math.max(0, Math.min(1, (dbfs - FLOOR_DBFS) / (TOP_DBFS - FLOOR_DBFS)));
}
