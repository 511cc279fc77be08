// Resampling of a live signal, block by block: a polyphase filter, a sinc windowed by a Kaiser window.

const ZERO_CROSSINGS = 48; // of the sinc on each side
const KAISER_BETA = 9; // the stop band lies about 90 dB below
const ROLLOFF = 0.94; // the pass band's edge, as a share of the lower of both Nyquist frequencies
const MOST_PHASES = 1024; // for odd pairs of rates the nearest of so many positions between two samples is taken

export class Resampler {
  /** @param {number} from rate of the input in Hz  @param {number} to rate of the output in Hz */
  constructor(from, to) {
    this.step = from / to; // input samples for one output sample
    const scale = Math.min(1, to / from) * ROLLOFF; // cutoff, as a share of the input's Nyquist frequency
    this.half = Math.ceil(ZERO_CROSSINGS / scale);
    this.phases = Math.min(MOST_PHASES, to / commonDivisor(from, to));
    this.filters = Array.from({ length: this.phases + 1 }, (_, phase) => kernel(phase / this.phases, this.half, scale));
    this.held = new Float32Array(this.half); // input that later outputs need; it begins with silence
    this.heldFrom = -this.half; // number of its first sample
    this.produced = 0;
  }

  /** The output that `input` completes. It lags behind by `half` input samples. */
  process(input) {
    const signal = new Float32Array(this.held.length + input.length);
    signal.set(this.held);
    signal.set(input, this.held.length);
    const end = this.heldFrom + signal.length;
    const count = Math.max(0, Math.floor((end - this.half - 1) / this.step) + 1 - this.produced);
    const output = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      const at = (this.produced + index) * this.step;
      const whole = Math.floor(at + 1e-9);
      const filter = this.filters[Math.round((at - whole) * this.phases)];
      const begin = whole - this.half + 1 - this.heldFrom;
      let sum = 0;
      for (let tap = 0; tap < filter.length; tap += 1) sum += filter[tap] * signal[begin + tap];
      output[index] = sum;
    }
    this.produced += count;
    const needed = Math.floor(this.produced * this.step) - this.half;
    const surplus = Math.max(0, Math.min(signal.length, needed - this.heldFrom));
    this.held = signal.slice(surplus);
    this.heldFrom += surplus;
    return output;
  }
}

/** Taps for a position `offset` (0 to 1) after an input sample; the middle two taps lie around it. */
function kernel(offset, half, scale) {
  const taps = new Float32Array(2 * half);
  let sum = 0;
  for (let tap = 0; tap < taps.length; tap += 1) {
    const distance = tap - (half - 1) - offset;
    const window = kaiser(distance / half);
    taps[tap] = window * sinc(distance * scale) * scale;
    sum += taps[tap];
  }
  return taps.map((tap) => tap / sum); // a constant keeps its level
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** The modified Bessel function of the first kind and order 0, by its power series. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let n = 1; term > 1e-12 * sum; n += 1) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

function commonDivisor(a, b) {
  return b ? commonDivisor(b, a % b) : a;
}
