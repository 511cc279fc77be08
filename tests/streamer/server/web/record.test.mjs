// A record is saved and opened again.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { eventTime } from "../../../../streamer/server/web/record/events.js";
import { RecordPlayer } from "../../../../streamer/server/web/record/player.js";
import { readRecord, RecordKeeper, recordName } from "../../../../streamer/server/web/record/record.js";
import { apply, newState } from "../../../../streamer/server/web/view/state.js";

const GOLDEN = readFileSync(new URL("../../../end_to_end/conversation.jsonl", import.meta.url), "utf8");
const { events } = readRecord(GOLDEN, "golden");

test("a record that was kept reads as the events that came", () => {
  const keeper = new RecordKeeper();
  for (const event of events) assert.ok(keeper.add(event, "mic"));
  assert.deepEqual(readRecord(keeper.lines.join(""), "kept"), { events, problem: "" });
});

test("the token of a session is in no record, and the source is", () => {
  const keeper = new RecordKeeper();
  keeper.add({ type: "session.created", session_id: "s", resume_token: "secret" }, "Blue Yeti");
  const [line] = keeper.lines;
  assert.ok(!line.includes("secret"));
  assert.deepEqual(JSON.parse(line), { type: "session.created", session_id: "s", resume_token: null, source: "Blue Yeti" });
});

test("what is wrong with a record is told with its line, and what comes before is read", () => {
  const lines = GOLDEN.split("\n");
  const bad = (line) => readRecord([...lines.slice(0, 5), line, ...lines.slice(5)].join("\n"), "x.jsonl");
  for (const line of ["no json", "[]", '{"a": 1}', '{"type": "mood", "seq": "1"}', '{"type": "emotion.final", "seq": 1}']) {
    const read = bad(line);
    assert.equal(read.events.length, 5);
    assert.match(read.problem, /^x\.jsonl, line 6: not an event/);
  }
  assert.match(readRecord("", "e.jsonl").problem, /holds no events/);
  assert.match(readRecord(lines.slice(0, 8).join("\n"), "cut.jsonl").problem, /breaks off at \d+\.\d s/);
});

test("a line without its end is left out, as after a kill", () => {
  const cut = readRecord(GOLDEN.slice(0, -20), "cut");
  assert.equal(cut.events.length, events.length - 1);
});

test("an event of a later version is kept", () => {
  const later = readRecord(`{"type":"emotion.later","x":1}\n${GOLDEN}`, "later");
  assert.equal(later.problem, "");
  assert.equal(later.events.length, events.length + 1);
});

test("a player gives each event once, when it is due", () => {
  const player = new RecordPlayer(events);
  player.speed = 2;
  const given = [];
  for (let now = 100; !player.done; now += 0.3) {
    given.push(...player.advance(now));
    assert.ok(given.every((event) => (eventTime(event) ?? 0) <= 2 * (now - 100) + 1e-9));
  }
  assert.deepEqual(given, events);
});

test("a pause takes no time, and a jump shows what playing to there shows", () => {
  const fold = (list) => list.reduce(apply, newState());
  const played = new RecordPlayer(events);
  const given = [...played.advance(0), ...played.advance(20)];
  played.paused = true;
  assert.deepEqual(played.advance(500), []);
  const jumped = new RecordPlayer(events);
  jumped.advance(0);
  jumped.advance(60);
  assert.deepEqual(fold(jumped.seek(20)), fold(given));
  assert.deepEqual(jumped.advance(1), events.filter((event) => false), "a jump is no step in time");
});

test("a record is named by its date, without what a file system refuses", () => {
  assert.equal(recordName(new Date("2026-02-03T04:05:06.789Z")), "emoscope-2026-02-03T04-05-06.jsonl");
});
