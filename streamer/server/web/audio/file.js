// A file of sound as blocks: decoded and resampled by the browser, and sent at the speed of life or as fast as the
// server reads it.

import { BLOCK, SAMPLE_RATE, toInt16 } from "./blocks.js";

const MOST_CHANNELS = 32; // the protocol's limit

/**
 * Decode a file.
 * @param {ArrayBuffer} data
 * @returns {Promise<{samples: Int16Array, channels: number, seconds: number}>} interleaved; rejects where the browser
 *   does not know the format, or the file is empty
 */
export async function decodeFile(data) {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE); // it decodes to its own rate
  const buffer = await context.decodeAudioData(data);
  const channels = Math.min(buffer.numberOfChannels, MOST_CHANNELS);
  if (!buffer.length) throw new Error("no samples");
  const samples = new Int16Array(buffer.length * channels);
  for (let channel = 0; channel < channels; channel += 1) {
    const column = buffer.getChannelData(channel);
    for (let frame = 0; frame < column.length; frame += 1) samples[frame * channels + channel] = toInt16(column[frame]);
  }
  return { samples, channels, seconds: buffer.length / SAMPLE_RATE };
}

/** Gives the blocks of a decoded file when they are due. The time is handed in. */
export class FileSource {
  /** @param {{samples: Int16Array, channels: number}} decoded  @param {boolean} paced at the speed of life */
  constructor({ samples, channels }, paced) {
    Object.assign(this, { samples, channels, paced });
    this.frames = samples.length / channels;
    this.position = 0; // frames given so far
    this.paused = false;
    this.playedS = 0; // of the recording, without pauses
    this.last = null;
  }

  get done() {
    return this.position >= this.frames;
  }

  /**
   * The blocks that are due.
   * @param {number} now seconds on a clock that only goes forward
   * @param {number} room frames that may be sent now where the server sets the speed
   */
  due(now, room) {
    if (this.last !== null && !this.paused) this.playedS += now - this.last;
    this.last = now;
    if (this.paused) return [];
    const until = Math.min(this.frames, this.paced ? this.playedS * SAMPLE_RATE : this.position + room);
    const blocks = [];
    while (this.position < until) {
      const count = Math.min(BLOCK, this.frames - this.position);
      if (this.position + count > until && until < this.frames) break; // only whole blocks, but for the last
      const begin = this.position * this.channels;
      blocks.push(this.samples.subarray(begin, begin + count * this.channels));
      this.position += count;
    }
    return blocks;
  }
}
