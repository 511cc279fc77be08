// Why no websocket opens. A browser hides that, so the same address is asked by plain HTTP.

/**
 * Ask the server whether a stream could be opened now.
 * @param {string} address of the stream, http or https
 * @returns {Promise<{kind: "ready" | "token" | "full" | "refused" | "gone" | "strange", retryable: boolean,
 *   minDelayS: number}>}
 */
export async function diagnose(address, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(10_000) });
  } catch {
    return { kind: "gone", retryable: true, minDelayS: 0 }; // or the server lets no page of this origin read it
  }
  const wait = Number(response.headers.get("Retry-After")) || 0;
  const kinds = { 401: "token", 403: "refused", 426: "ready", 503: "full" };
  const kind = kinds[response.status] ?? (response.status >= 500 ? "gone" : "strange");
  return { kind, retryable: ["ready", "full", "gone"].includes(kind), minDelayS: wait };
}

/**
 * What a finding means and what to do.
 * @param {{host: string, origin: string}} place the server's host, and the page's origin, "" outside a browser
 */
export function connectionProblem({ kind, minDelayS }, { host, origin }) {
  const foreign = origin && !origin.endsWith(`//${host}`);
  switch (kind) {
    case "token":
      return "The server needs a token, or another one. Start again and enter it.";
    case "full":
      return `The server is full. Try again ${minDelayS ? `in ${minDelayS} s` : "later"}.`;
    case "gone":
      return (
        `The server at ${host} does not answer. Is \`emoscope serve\` running there?` +
        (foreign ? ` It must also allow this page: emoscope serve --origin ${origin}.` : "")
      );
    case "ready": // plain HTTP is answered, and the websocket is not
    case "refused":
      return (
        `The server at ${host} answers, but opens no stream. ` +
        (origin ? `Whoever runs it can allow this page: emoscope serve --origin ${origin}. ` : "") +
        `A proxy before the server must pass websockets on.`
      );
  }
  return `Something else than an Emoscope server answers at ${host}. Check the address.`;
}
