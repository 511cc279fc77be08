// What becomes of a connection, and what a person is told of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection, Phase } from "../../../../streamer/server/web/client/connection.js";
import { connectionProblem } from "../../../../streamer/server/web/client/diagnose.js";
import { BlockDropper } from "../../../../streamer/server/web/client/dropping.js";
import { closedBecause, ReconnectPolicy } from "../../../../streamer/server/web/client/reconnect.js";
import { microphoneMissing, microphoneProblem } from "../../../../streamer/server/web/problems.js";

test("the pauses between attempts grow, and a stable connection resets them", () => {
  const policy = new ReconnectPolicy(() => 0.5);
  policy.sessionBegan = true;
  const delays = Array.from({ length: 9 }, (_, now) => policy.retry(now, "lost").retryInS);
  assert.deepEqual(delays.slice(0, 3), [0.1875, 0.375, 0.75]);
  assert.equal(Math.max(...delays), 22.5);
  policy.connectionClosed(4.9);
  assert.equal(policy.retry(9, "lost").retryInS, 22.5);
  policy.connectionClosed(5);
  assert.equal(policy.retry(10, "lost").retryInS, 0.1875);
  assert.equal(policy.retry(10, "full", 60).retryInS, 60, "a server says when to come back");
});

test("nobody is dialled for ever", () => {
  const policy = new ReconnectPolicy(() => 0.5, 300);
  for (let attempt = 0; attempt < 3; attempt += 1) assert.ok("retryInS" in policy.retry(0, "lost"));
  assert.match(policy.retry(0, "lost").stop, /4 times before a session began/);
  policy.sessionBegan = true;
  assert.ok("retryInS" in policy.retry(300, "lost"));
  assert.match(policy.retry(301, "lost").stop, /no connection for 300 s/);
});

test("a close code that is not retried says what to do", () => {
  for (const code of [1001, 1009, 4400, 4401, 4409, 4429, 4430, 4999]) {
    assert.match(closedBecause(code, "why"), new RegExp(`\\. \\(close code ${code}: why\\)$`));
  }
});

test("a connection that answers nothing, or receives nothing, is dead after 15 s", () => {
  const silent = new Connection(Phase.STREAMING, 100);
  assert.ok(!silent.timedOut(0, 115));
  assert.ok(silent.timedOut(0, 115.1));
  const deaf = new Connection(Phase.STREAMING, 100);
  deaf.receivedAt = 130;
  assert.ok(deaf.timedOut(1_600, 130), "what was sent 30 s ago has not arrived");
  deaf.serverReceived(800, 1_600, 130);
  assert.ok(!deaf.timedOut(1_600, 140));
  assert.ok(!new Connection().timedOut(1_600, 1e9), "nothing is open");
});

test("a slow network drops new blocks, tells how much, and takes them again", () => {
  const dropper = new BlockDropper();
  assert.ok(dropper.keep(0.1, 7.9, true));
  assert.ok(!dropper.keep(0.1, 8.1, true));
  assert.ok(!dropper.keep(0.1, 5, true), "until little waits");
  assert.equal(dropper.takeEpisode(), 0, "it is under way");
  assert.ok(dropper.keep(0.1, 3.9, true));
  assert.ok(Math.abs(dropper.takeEpisode() - 0.2) < 1e-9);
  assert.equal(dropper.takeEpisode(), 0, "each episode is told once");
  assert.ok(Math.abs(dropper.droppedS - 0.2) < 1e-9);
});

test("nothing is dropped while the connection is lost or catches up: the ring buffer keeps it", () => {
  const dropper = new BlockDropper();
  assert.ok(dropper.keep(0.1, 60, false));
  assert.ok(!dropper.keep(0.1, 60, true));
  assert.ok(dropper.keep(0.1, 60, false));
});

const LAN = { protocol: "http:", hostname: "192.168.1.5", host: "192.168.1.5:8765", port: "8765", origin: "http://192.168.1.5:8765" };

test("a page at a LAN address without https says that https or localhost is needed, and how", () => {
  const said = microphoneMissing({ mediaDevices: undefined, audioWorklet: false }, LAN);
  for (const part of ["https", "localhost", "--cert", "--key", "https://192.168.1.5:8765/", "ssh -L 8765:localhost:8765 192.168.1.5"]) {
    assert.ok(said.includes(part), part);
  }
  assert.equal(microphoneMissing({ mediaDevices: {}, audioWorklet: true }, LAN), "");
});

test("each error of a microphone says what to do", () => {
  const said = ["NotAllowedError", "SecurityError", "NotFoundError", "NotReadableError", "AbortError", "Other"].map((name) =>
    microphoneProblem({ name, message: "m" }));
  assert.equal(new Set(said).size, 6);
  for (const one of said) assert.match(one, /start again|open a recording/i);
});

test("each reason why no stream opens says what to do", () => {
  const said = ["token", "full", "gone", "ready", "strange"].map((kind) => connectionProblem({ kind, minDelayS: 5 }, LAN));
  assert.equal(new Set(said).size, 5);
  assert.ok(said[1].includes("in 5 s"));
  assert.ok(said[3].includes("--origin http://192.168.1.5:8765"));
});
