// What the page shows, computed from events alone, in audio time: the same rules as the terminal's
// (streamer/display/state.py); a test compares the two.

const STRIP_S = 60;
const MESSAGE_S = 8; // how long a message stays
const HEADLINE_LEAD = 0.08; // the headline changes at once when another label leads by this much,
const HEADLINE_READINGS = 2; // or when it led this many readings in a row
const MOST_TURNS = 200;
const MOST_TIMES = 300;

/** An empty state. */
export function newState() {
  return {
    product: "emoscope", model: "", labels: [], dimensions: [], notice: "", source: "", now: 0, speaking: false,
    utterance: 0, startedAt: 0, level: null, reading: null, before: {}, headline: "", leading: "", led: 0, mood: null,
    resetAt: 0, strip: [], trail: [], turns: [], transcript: null, language: "", lagS: 0, lagTextS: 0, droppedS: 0,
    rtf: 0, inferMs: [], warned: {}, message: "", serious: false, messageUntil: 0, closed: null, sessions: 0,
  };
}

/** Take one event in; the state is changed in place. Unknown events change nothing. */
export function apply(state, event) {
  switch (event.type) {
    case "session.created":
      return created(state, event);
    case "speech.started":
      at(state, event.start);
      return Object.assign(state, {
        speaking: true, utterance: event.utterance, startedAt: event.start, leading: "", led: 0, before: {},
      });
    case "speech.ended":
      at(state, event.end);
      state.speaking = false;
      return state;
    case "emotion.interim":
    case "emotion.final":
      return read(state, event);
    case "mood":
      if (event.start >= state.resetAt) state.mood = event;
      return state;
    case "transcript.interim":
    case "transcript.final":
      state.transcript = event;
      state.language = event.language || state.language;
      return state;
    case "status":
      return status(state, event);
    case "warning":
      return warning(state, event);
    case "error":
      return say(state, event.message, true);
    case "enrolled":
      return say(state, `Your calm voice was learnt from ${event.seconds.toFixed(0)} s of speech.`);
    case "session.closed":
      state.now = Math.max(state.now, event.totals.audio_s);
      return Object.assign(state, { closed: event, speaking: false, droppedS: event.totals.dropped_s });
  }
  return state;
}

/** Show a message for a while. Only a serious one replaces a serious one. */
export function say(state, message, serious = false) {
  if (state.serious && state.message && state.now < state.messageUntil && !serious) return state;
  return Object.assign(state, { message, serious, messageUntil: state.now + MESSAGE_S * (serious ? 4 : 1) });
}

/** Forget the mood. That of the utterance which the reset ends arrives later, and is ignored. */
export function reset(state) {
  Object.assign(state, { mood: null, resetAt: state.now });
  return say(state, "The mood, the context and the learnt voice are forgotten.");
}

/** Move the audio clock forward, as sound is captured between two events. */
export function at(state, seconds) {
  state.now = Math.max(state.now, seconds);
  const oldest = state.now - STRIP_S - 1;
  while (state.strip.length && state.strip[0].end < oldest) state.strip.shift();
  while (state.trail.length && state.trail[0].end < oldest) state.trail.shift();
  return state;
}

/** A warning of this kind was received within the last seconds. */
export function warns(state, code) {
  return (state.warned[code] ?? -1) > state.now;
}

function created(state, event) {
  if (state.sessions) {
    // A new session replaced a lost one, and its clock starts at 0.
    Object.assign(state, {
      now: 0, startedAt: 0, resetAt: 0, messageUntil: 0, strip: [], trail: [], warned: {}, speaking: false,
      reading: null, mood: null, before: {},
    });
  }
  return Object.assign(state, {
    sessions: state.sessions + 1, product: event.server, labels: event.model.labels, model: event.model.id,
    dimensions: event.model.dimensions ?? [], notice: event.notice, source: state.source || event.source || "",
  });
}

function read(state, event) {
  at(state, event.end);
  const final = event.type === "emotion.final";
  const first = state.reading === null || state.reading.utterance !== event.utterance;
  state.before = first ? {} : state.reading.scores;
  if (event.latency) {
    state.inferMs = [...state.inferMs, event.latency.queue_ms + event.latency.infer_ms].slice(-MOST_TIMES);
  }
  // Hysteresis: the headline changes later than the label of the readings.
  state.led = event.label === state.leading ? state.led + 1 : 1;
  state.leading = event.label;
  const lead = event.confidence - (event.scores[state.headline] ?? 0);
  if (final || first || state.led >= HEADLINE_READINGS || lead >= HEADLINE_LEAD) state.headline = event.label;
  const newest = state.strip.at(-1);
  const start = newest && newest.end > event.start ? newest.end : event.start;
  const { end, label, confidence, utterance } = event;
  if (end > start) state.strip.push({ start, end, label, confidence });
  const { arousal, valence } = event.dimensions;
  if (arousal !== undefined && valence !== undefined) state.trail.push({ end, arousal, valence, label, final, utterance });
  state.reading = event;
  if (final) {
    const text = state.transcript?.utterance === utterance ? state.transcript.text : "";
    const { start: begin, words } = event;
    state.turns = [...state.turns, { start: begin, end, label, confidence, text, words, utterance }].slice(-MOST_TURNS);
  }
  return state;
}

function status(state, event) {
  at(state, event.audio_s);
  return Object.assign(state, {
    level: event.level_dbfs, lagS: event.lag_s.audio, lagTextS: event.lag_s.text, rtf: event.rtf,
    droppedS: event.dropped_s,
  });
}

function warning(state, event) {
  state.warned = { ...state.warned, [event.code]: Math.max(event.start ?? state.now, state.now) + MESSAGE_S };
  return say(state, event.message, ["audio_dropped", "session_lost"].includes(event.code));
}
