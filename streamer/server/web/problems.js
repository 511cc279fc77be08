// What can go wrong before a session, as sentences that say what happened and what to do.

/** Why this page has no microphone at all; "" when it may ask for one. `page` is the page's location. */
export function microphoneMissing({ mediaDevices, audioWorklet }, page) {
  if (mediaDevices && audioWorklet) return "";
  if (page.protocol === "https:") return "This browser gives pages no microphone. Use a current Chrome, Edge, Firefox or Safari.";
  const port = page.port || "80";
  return (
    `Browsers give the microphone only to pages that come over https, or from localhost. This page came over http from ` +
    `${page.hostname}. Start the server with --cert and --key and open https://${page.host}/, or run ` +
    `\`ssh -L ${port}:localhost:${port} ${page.hostname}\` here and open http://localhost:${port}/. A recording can be read all the same.`
  );
}

const MICROPHONE = {
  NotAllowedError:
    "The microphone was refused. Allow it for this page (the symbol beside the address), and in the system's privacy settings, and start again.",
  SecurityError: "The browser's settings allow no microphone on this page. Allow it there, and start again.",
  NotFoundError: "There is no microphone. Plug one in, or open a recording instead.",
  NotReadableError: "The microphone cannot be opened: another program may hold it. Close that program, and start again.",
  AbortError: "The microphone failed while it was opened. Plug it in again, and start again.",
};

/** What the browser's error means when it opened no microphone. */
export function microphoneProblem(error) {
  return MICROPHONE[error.name] ?? `The microphone cannot be used (${error.name}: ${error.message}). Start again, or open a recording.`;
}

/** A file that the browser cannot decode. */
export function fileProblem(name) {
  return `${name} is no sound that this browser knows, and no record. Open a WAV, FLAC, MP3, Ogg or M4A file, or a .jsonl of emoscope listen --record.`;
}

export const OTHER_TAB =
  "Another tab of this page is listening already, and both would hear the same. Stop it there, or press the button again to stop it and listen here.";

/** How long the browser gave no sound while the page was held up. */
export function stoppedFor(seconds) {
  return `the browser stopped this page for ${seconds.toFixed(1)} s, which was not heard: keep its tab visible while it listens`;
}

export function droppedFor(seconds) {
  return `the network was too slow: ${seconds.toFixed(1)} s were left out, and the clock does not count them`;
}
