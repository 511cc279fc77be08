// The newest audio, kept so that it can be sent again after a reconnect. The rules are those of the Python client
// (streamer/client/ring_buffer.py).

/** 16-bit frames (one sample of each channel), numbered since the page began. The oldest are overwritten. */
export class RingBuffer {
  /**
   * @param {number} channels samples in one frame
   * @param {number} capacity largest number of frames held
   */
  constructor(channels, capacity) {
    this.channels = channels;
    this.capacity = capacity;
    this.first = 0; // number of the oldest frame held
    this.head = 0; // number of the next frame to be appended
    this.samples = new Int16Array(capacity * channels);
  }

  /** Hold more frames from now on. */
  grow(capacity) {
    if (capacity <= this.capacity) return;
    const held = this.read(this.first, this.head - this.first);
    this.capacity = capacity;
    this.samples = new Int16Array(capacity * this.channels);
    this.#write(this.first, held);
  }

  /** Append whole frames, interleaved. */
  append(samples) {
    const count = samples.length / this.channels;
    const kept = Math.min(count, this.capacity);
    this.#write(this.head + count - kept, samples.subarray((count - kept) * this.channels));
    this.head += count;
    this.first = Math.max(this.first, this.head - this.capacity);
  }

  /** `count` frames from number `start`, all before the head. Frames no longer held are replaced by silence. */
  read(start, count) {
    const out = new Int16Array(count * this.channels);
    for (let frame = Math.max(start, this.first); frame < start + count; ) {
      const place = frame % this.capacity;
      const run = Math.min(start + count - frame, this.capacity - place);
      const from = place * this.channels;
      out.set(this.samples.subarray(from, from + run * this.channels), (frame - start) * this.channels);
      frame += run;
    }
    return out;
  }

  #write(position, samples) {
    for (let done = 0; done < samples.length; ) {
      const place = (position + done / this.channels) % this.capacity;
      const run = Math.min(samples.length - done, (this.capacity - place) * this.channels);
      this.samples.set(samples.subarray(done, done + run), place * this.channels);
      done += run;
    }
  }
}
