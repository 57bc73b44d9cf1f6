// One push: the archive goes out as the body of PUT /push, the events come in beside it.
//
// Browsers do not read an answer before they have sent the body, so the events are read from
// GET /push/events; the answer itself is what counts if that breaks.

import { ask, headers, over } from "./session.js";

/** Calls `line` with each JSON object of a stream of lines, until it ends. */
async function readLines(body, line) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) line(JSON.parse(part));
  }
}

const parseLines = (text) => text.split("\n").filter(Boolean).flatMap((line) => {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
});

/**
 * Pushes `file`; `targets` are values of ?to=. `hear(event)` gets every event once,
 * `sent(bytes)` what has left the browser. Resolves to { status, retryAfter } at the end, and
 * status 0 where the connection broke. abort() on `signal` cancels: the server tags nothing.
 */
export async function upload(file, targets, { hear, sent, signal }) {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const watching = new AbortController();
  signal.addEventListener("abort", () => watching.abort());
  let summary = false;
  const hearOnce = (event) => {
    summary ||= event.event === "summary";
    hear(event);
  };
  let heard = Promise.resolve();
  let watched = false;
  try {
    const events = await ask(`/push/events?id=${id}`, { signal: watching.signal });
    watched = events.ok;
    if (events.ok) heard = readLines(events.body, hearOnce).catch(() => {});
  } catch {
    // Without the events there is still the answer.
  }
  const query = [...targets.map((to) => `to=${encodeURIComponent(to)}`), `id=${id}`].join("&");
  const answer = await send(file, `/push?${query}`, sent, signal);
  if (answer.status === 0 || answer.status === 429 || !watched) watching.abort();
  if (answer.status >= 400) setTimeout(() => watching.abort(), 2000);
  await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 10000))]);
  watching.abort();
  // What the stream of events did not bring, the answer has.
  if (!summary && answer.status !== 429 && !signal.aborted) parseLines(answer.text).forEach(hear);
  return answer;
}

function send(file, target, sent, signal) {
  // Cancelled while the events were asked for: nothing may go out any more.
  if (signal.aborted) return Promise.resolve({ status: 0, retryAfter: 0, text: "" });
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const end = () => {
      if (request.status === 401) over();
      resolve({
        status: request.status,
        retryAfter: Number(request.getResponseHeader("Retry-After")) || 5,
        text: request.responseText ?? "",
      });
    };
    request.open("PUT", target);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = request.onerror = request.onabort = end;
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
