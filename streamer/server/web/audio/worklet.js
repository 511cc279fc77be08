// Runs in the audio thread of the browser: from the device's samples to blocks of 100 ms at 16 kHz.

import { BlockMaker, mixed, SAMPLE_RATE } from "./blocks.js";
import { Resampler } from "./resample.js";

class Blocks extends AudioWorkletProcessor {
  resampler = new Resampler(sampleRate, SAMPLE_RATE);
  maker = new BlockMaker();

  process([channels]) {
    if (!channels.length) return true; // the source is gone, or has not begun
    const samples = mixed(channels);
    const resampled = sampleRate === SAMPLE_RATE ? samples : this.resampler.process(samples);
    for (const block of this.maker.add(resampled)) this.port.postMessage(block, [block.buffer]);
    return true;
  }
}

registerProcessor("emoscope-blocks", Blocks);
