// From the browser's samples to blocks, levels and a paced file.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BLOCK, BlockMaker, mixed, toInt16 } from "../../../../streamer/server/web/audio/blocks.js";
import { FileSource } from "../../../../streamer/server/web/audio/file.js";
import { Levels } from "../../../../streamer/server/web/audio/levels.js";
import { Resampler } from "../../../../streamer/server/web/audio/resample.js";
import { StallWatch } from "../../../../streamer/server/web/audio/stalls.js";

const tone = (hz, rate, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate));

const rms = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

for (const rate of [48_000, 44_100, 32_000, 8_000]) {
  test(`a tone of 1 kHz at ${rate} Hz is the same tone at 16 kHz`, () => {
    const output = new Resampler(rate, 16_000).process(tone(1_000, rate, 1));
    assert.ok(Math.abs(output.length - 16_000) < 120, `${output.length} samples`);
    const expected = tone(1_000, 16_000, 1);
    const error = output.slice(400, 15_500).map((x, n) => x - expected[n + 400]);
    assert.ok(rms(error) < 1e-3, `error ${rms(error)}`);
  });
}

test("what lies above 8 kHz does not come back as a lower tone", () => {
  for (const hz of [8_600, 12_000, 15_000, 20_000]) {
    const output = new Resampler(48_000, 16_000).process(tone(hz, 48_000, 1));
    assert.ok(rms(output.slice(400, -400)) < 2e-4, `${hz} Hz`);
  }
});

test("a voice's upper band is kept up to 7 kHz", () => {
  const output = new Resampler(48_000, 16_000).process(tone(7_000, 48_000, 1));
  assert.ok(Math.abs(rms(output.slice(400, -400)) / rms(tone(7_000, 16_000, 1)) - 1) < 0.01);
});

test("the size of the pieces changes no sample", () => {
  const input = tone(700, 44_100, 0.5);
  const whole = new Resampler(44_100, 16_000).process(input);
  for (const size of [1, 128, 441, 5_000]) {
    const resampler = new Resampler(44_100, 16_000);
    const pieces = [];
    for (let at = 0; at < input.length; at += size) pieces.push(...resampler.process(input.subarray(at, at + size)));
    assert.deepEqual(Float32Array.from(pieces), whole);
  }
});

test("blocks are 100 ms, whatever the browser delivers, and loud samples are clipped", () => {
  const maker = new BlockMaker();
  const samples = Float32Array.from({ length: 2 * BLOCK + 5 }, (_, n) => n / 40_000);
  const blocks = [];
  for (let at = 0; at < samples.length; at += 128) blocks.push(...maker.add(samples.subarray(at, at + 128)));
  assert.deepEqual(blocks.map((block) => block.length), [BLOCK, BLOCK]);
  assert.deepEqual(blocks.flatMap((block) => [...block]), [...samples.subarray(0, 2 * BLOCK)].map(toInt16));
  assert.deepEqual([2, 1, 0.5, 0, -1, -2].map(toInt16), [32_767, 32_767, 16_384, 0, -32_768, -32_768]);
});

test("both channels of a microphone are heard", () => {
  assert.deepEqual([...mixed([Float32Array.of(1, 0), Float32Array.of(0, 0.5)])], [0.5, 0.25]);
});

test("a paced file gives what is due, in whole blocks, and nothing while it is paused", () => {
  const samples = Int16Array.from({ length: 16_000 }, (_, n) => n);
  const source = new FileSource({ samples, channels: 1 }, true);
  const given = [];
  const advance = (now) => given.push(...source.due(now, 0).flatMap((block) => [...block]));
  advance(10);
  assert.equal(given.length, 0);
  advance(10.25);
  assert.equal(given.length, 2 * BLOCK);
  source.paused = true;
  advance(20);
  advance(30);
  source.paused = false;
  advance(30);
  assert.equal(given.length, 2 * BLOCK, "the pause does not count");
  advance(31);
  assert.ok(source.done);
  assert.deepEqual(given, [...samples]);
});

test("a fast file gives as much as the server has room for, and its last samples", () => {
  const samples = new Int16Array(2 * (3 * BLOCK + 7));
  const source = new FileSource({ samples, channels: 2 }, false);
  const frames = (room) => source.due(0, room).reduce((sum, block) => sum + block.length / 2, 0);
  assert.equal(frames(0), 0);
  assert.equal(frames(2 * BLOCK + 1), 2 * BLOCK);
  assert.equal(frames(100 * BLOCK), BLOCK + 7);
  assert.ok(source.done);
});

test("levels are found by their position, and only the newest minutes are held", () => {
  const levels = new Levels();
  levels.add(new Int16Array(16_000));
  levels.add(new Int16Array(16_000).fill(16_384));
  assert.ok(levels.between(0, 16_000).every((level) => level === -120));
  const loud = levels.between(16_000, 32_000);
  assert.equal(loud.length, 50);
  assert.ok(loud.every((level) => Math.abs(level + 6.02) < 0.01));
  for (let second = 2; second < 400; second += 1) levels.add(new Int16Array(16_000));
  assert.deepEqual(levels.between(0, 16_000), []);
  assert.ok(levels.points.length <= 2 * 130 * 50);
  assert.equal(levels.between(16_000 * 380, 16_000 * 381).length, 50);
});

test("channels of a file are heard as their mean", () => {
  const levels = new Levels();
  levels.add(Int16Array.from({ length: 640 }, (_, n) => (n % 2 ? 0 : 16_384)), 2);
  assert.ok(Math.abs(levels.points[0] + 12.04) < 0.01);
});

/** Blocks that were captured at each tenth of a second and arrive at `arrival(captured)`; null: lost. */
function stalls(arrival) {
  const watch = new StallWatch();
  const found = [];
  for (let captured = 0; captured < 200; captured += 1) {
    const now = arrival(captured / 10);
    if (now !== null) found.push(watch.arrived(0.1, now));
  }
  return found.filter((seconds) => seconds > 0);
}

test("blocks that only come late are not lost", () => {
  assert.deepEqual(stalls((at) => at), []);
  assert.deepEqual(stalls((at) => (at > 5 && at < 9 ? 9 : at)), []);
});

test("sound that the browser did not deliver is counted once", () => {
  const found = stalls((at) => (at > 5 && at < 9 ? null : at));
  assert.equal(found.length, 1);
  assert.ok(Math.abs(found[0] - 3.9) < 0.15, `${found[0]} s`);
});

test("each stall is counted by itself", () => {
  const found = stalls((at) => ((at > 5 && at < 8) || (at > 12 && at < 15) ? null : at));
  assert.equal(found.length, 2);
  for (const seconds of found) assert.ok(Math.abs(seconds - 2.9) < 0.15, `${seconds} s`);
});
