// The page: what the buttons do, and the loop that draws.

import { decodeFile, FileSource } from "./audio/file.js";
import { openMicrophone } from "./audio/microphone.js";
import { connectionProblem, diagnose } from "./client/diagnose.js";
import { placeOf } from "./client/stream.js";
import { askToken, consent } from "./dialogs.js";
import { fileProblem, microphoneMissing, microphoneProblem, OTHER_TAB } from "./problems.js";
import { readRecord, recordName } from "./record/record.js";
import { Replay } from "./replay.js";
import { Session } from "./session.js";
import { Tabs } from "./tabs.js";
import { byId, setText } from "./view/dom.js";
import { clock } from "./view/format.js";
import { Screen } from "./view/screen.js";

const FRAME_MS = 100;
const CALM_FRAME_MS = 500; // for people who prefer reduced motion

const screen = new Screen();
const address = new URL("v1/stream", location.href);
let token = takeToken();
let shown = null; // the Session or Replay on the screen
let microphone = null;
let takeOver = false; // the person was told of another tab, and pressed the button again
let starting = false;

const tabs = new Tabs(
  () => microphone !== null,
  () => {
    stop();
    problem("Another tab of this page listens now, so this one has stopped.");
  },
);

/** The token of the address, which is taken out of it: it belongs in no history and on no screen. */
function takeToken() {
  const here = new URL(location.href);
  const found = here.searchParams.get("token") ?? "";
  here.searchParams.delete("token");
  if (found) history.replaceState(null, "", here);
  return found;
}

/** One start at a time, however often a button is pressed. */
async function exclusively(work) {
  if (starting) return;
  starting = true;
  problem("");
  try {
    await work();
  } finally {
    starting = false;
  }
}

/** Whether a stream could be opened; asks for the token where the server wants one. */
async function admitted() {
  let finding = await diagnose(address, token);
  while (finding.kind === "token") {
    const entered = await askToken(token && "The server does not know this token. Enter the right one.");
    if (entered === null) return false;
    token = entered;
    finding = await diagnose(address, token);
  }
  if (finding.kind === "ready") return true;
  problem(connectionProblem(finding, placeOf(address)));
  return false;
}

async function listen() {
  const audioWorklet = "AudioWorkletNode" in window;
  const missing = microphoneMissing({ mediaDevices: navigator.mediaDevices, audioWorklet }, location);
  if (missing) return problem(missing);
  if (!(await admitted())) return;
  if (takeOver) tabs.stopOthers();
  else if ((takeOver = await tabs.othersListen())) return problem(OTHER_TAB);
  takeOver = false;
  if (!(await consent())) return;
  let session = null;
  try {
    microphone = await openMicrophone((block) => session?.take(block), (message, lasting) => {
      problem(message);
      if (lasting) stop();
    });
  } catch (error) {
    return problem(microphoneProblem(error));
  }
  session = new Session({ address, token, name: microphone.name, ended });
  begin(session);
}

async function openFile(file) {
  const data = await file.arrayBuffer();
  if (new Uint8Array(data)[0] === 0x7b || file.name.endsWith(".jsonl")) return openRecord(file.name, data);
  let decoded;
  try {
    decoded = await decodeFile(data);
  } catch {
    return problem(fileProblem(file.name));
  }
  if (!(await admitted())) return;
  const paced = byId("start").querySelector("[name=pace]:checked").value === "realtime";
  const changes = {
    ...(paced ? {} : { pace: "fast" }),
    ...(decoded.channels > 1 ? { channels: decoded.channels } : {}),
  };
  const source = new FileSource(decoded, paced);
  begin(new Session({ address, token, name: file.name, file: source, changes, ended }));
}

function openRecord(name, data) {
  const { events, problem: found } = readRecord(new TextDecoder().decode(data), name);
  if (found) problem(events.length ? `${found} What comes before is shown.` : found);
  if (!events.length) return;
  show(new Replay(name, events));
  byId("position").max = shown.player.length;
}

function begin(session) {
  show(session);
  session.begin();
}

function show(what) {
  shown = what;
  byId("start").hidden = true;
  byId("readings").hidden = byId("status").hidden = false;
  byId("player").hidden = !(what instanceof Replay);
  byId("pause").dataset.paused = "";
  buttons();
  draw();
}

/** The session has ended; `message` says why where it was not asked to. */
function ended(message) {
  closeMicrophone();
  if (message) problem(message);
  buttons();
}

function stop() {
  closeMicrophone();
  if (shown instanceof Session) shown.stop();
  buttons();
}

function closeMicrophone() {
  microphone?.close();
  microphone = null;
}

/** Back to the first picture. */
function leave() {
  if (shown instanceof Session) shown.leave();
  shown = null;
  problem("");
  byId("start").hidden = false;
  byId("readings").hidden = byId("status").hidden = true;
  byId("phase").dataset.phase = "idle";
  for (const id of ["clock", "origin", "message"]) setText(byId(id), "");
  setText(byId("phase-name"), "ready");
  buttons();
  byId("listen").focus();
}

function buttons() {
  const session = shown instanceof Session ? shown : null;
  const running = session?.running ?? false;
  const over = shown !== null && (session === null || session.phase === "ended");
  byId("pause").hidden = !running;
  byId("enroll").hidden = byId("reset").hidden = !running || session.file !== null;
  byId("save").hidden = session === null;
  byId("stop").hidden = session === null || over;
  setText(byId("stop"), running ? "Stop" : "Leave now");
  byId("again").hidden = !over;
  byId("actions").hidden = shown === null;
}

function pause() {
  const button = byId("pause");
  const paused = button.dataset.paused !== "true";
  button.dataset.paused = paused;
  shown.pause(paused);
  setText(button, paused ? "Continue" : "Pause");
}

/** Say what happened and what to do; "" takes the last one away. */
function problem(text) {
  setText(byId("problem-text"), text);
  byId("problem").hidden = !text;
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(shown.record.lines, { type: "application/jsonl" }));
  link.download = recordName(new Date());
  link.click();
  URL.revokeObjectURL(link.href);
}

// --- drawing

let drawnAt = 0;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function draw() {
  if (shown === null) return;
  if (shown instanceof Replay) {
    shown.advance(performance.now() / 1000);
    const { player } = shown;
    if (document.activeElement !== byId("position")) byId("position").value = player.position;
    setText(byId("position-text"), `${clock(player.position)} of ${clock(player.length)}`);
    setText(byId("play"), player.paused ? "Play" : "Pause");
  }
  screen.draw(shown.state, shown.extra());
}

function frame(now) {
  if (now - drawnAt >= (calm.matches ? CALM_FRAME_MS : FRAME_MS)) {
    drawnAt = now;
    draw();
  }
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);

// --- what the person does

const on = (id, event, work) => byId(id).addEventListener(event, work);
on("listen", "click", () => exclusively(listen));
on("open", "click", () => byId("file").click());
on("file", "change", ({ target }) => {
  const [file] = target.files;
  if (file) exclusively(() => openFile(file));
  target.value = ""; // the same file can be chosen again
});
on("pause", "click", pause);
on("enroll", "click", () => shown.enroll());
on("reset", "click", () => shown.reset());
on("save", "click", save);
on("stop", "click", stop);
on("again", "click", leave);
on("problem-close", "click", () => problem(""));
on("play", "click", () => (shown.player.paused = !shown.player.paused));
on("speed", "change", ({ target }) => (shown.player.speed = Number(target.value)));
on("position", "input", ({ target }) => shown.seek(Number(target.value)));

addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) byId("drop").hidden = true;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (!file) return;
  if (shown instanceof Session && shown.phase !== "ended") problem("A session is under way. Stop it first, then drop the file again.");
  else exclusively(() => openFile(file));
});
