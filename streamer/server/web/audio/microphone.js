// The browser's microphone as blocks of 100 ms at 16 kHz.

import { BlockMaker, mixed, SAMPLE_RATE } from "./blocks.js";
import { Resampler } from "./resample.js";

const PROCESSOR = "emoscope-blocks";

// What improves a telephone call takes away what a voice's emotion is heard from.
const AUDIO = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/**
 * Ask for the microphone and open it.
 * @param {(block: Int16Array) => void} onBlock takes each block
 * @param {(message: string, lasting: boolean) => void} onTrouble the device is mute, or (`lasting`) has gone
 * @returns {Promise<{name: string, rate: number, close: () => void}>} rejects with the browser's error
 */
export async function openMicrophone(onBlock, onTrouble) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: AUDIO });
  const [track] = stream.getAudioTracks();
  let context;
  const close = () => {
    track.onended = track.onmute = null;
    track.stop();
    if (context && context.state !== "closed") context.close();
  };
  try {
    context = new AudioContext();
    await context.audioWorklet.addModule(import.meta.url); // this file again, in the audio thread
    const node = new AudioWorkletNode(context, PROCESSOR, { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => onBlock(data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  } catch (error) {
    close();
    throw error;
  }
  track.onended = () =>
    onTrouble("The microphone is gone: it was unplugged, or its permission was taken back. What was heard is read.", true);
  track.onmute = () =>
    onTrouble("The microphone gives no sound now: the system, another program or a call holds it.", false);
  return { name: track.label || "microphone", rate: context.sampleRate, close };
}

if (globalThis.AudioWorkletProcessor) {
  /** In the audio thread: from the device's samples to blocks of 100 ms at 16 kHz. */
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
  registerProcessor(PROCESSOR, Blocks);
}
