// Blocks of a fixed length of 16-bit samples, from samples of any count.

export const SAMPLE_RATE = 16_000;
export const BLOCK = SAMPLE_RATE / 10; // 100 ms

/** A float in [-1, 1) as a 16-bit sample; what is louder is clipped. */
export function toInt16(x) {
  return Math.max(-32_768, Math.min(32_767, Math.round(x * 32_768)));
}

export class BlockMaker {
  held = new Int16Array(BLOCK);
  count = 0;

  /** The whole blocks that these samples complete. */
  add(samples) {
    const blocks = [];
    for (const x of samples) {
      this.held[this.count++] = toInt16(x);
      if (this.count < BLOCK) continue;
      blocks.push(this.held);
      this.held = new Int16Array(BLOCK);
      this.count = 0;
    }
    return blocks;
  }
}

/** The mean of a node's channels. */
export function mixed(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, index) => channels.reduce((sum, one) => sum + one[index], 0) / channels.length);
}
