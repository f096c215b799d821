// Requests to the server that the page comes from.

/** An error in words for the user, with OpenAI's code for it if there is one. */
class Problem extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

const NEEDS_KEY = "invalid_api_key";
const BROKEN_OFF = "The connection ended before the answer was complete.";

// It is kept in memory only, so a reload of the page forgets it.
let apiKey = "";

/** Send a request; throws a Problem if no answer comes or the answer is an error. */
async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(`The server at ${location.host} does not respond. Check that it is running.`);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Convert an answer that is an error to a Problem. */
async function problemOf(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // The answer is not JSON; a proxy may have sent it.
  }
  if (response.status === 401) {
    const words = apiKey ? "The server refuses this API key." : "The server asks for an API key.";
    return new Problem(words, NEEDS_KEY);
  }
  const message = error.message || `The server answered with the HTTP status ${response.status}.`;
  return new Problem(message, error.code || "");
}

/** Yield the data of each server-sent event. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (lines.length) yield lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Yield the chunks of a streamed answer; throws a Problem if it does not come to its end. */
async function* chunksOf(body, signal) {
  const response = await request("v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Problem(chunk.error.message, chunk.error.code || "");
      yield chunk;
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Problem) throw error;
    throw new Problem(BROKEN_OFF);
  }
  throw new Problem(BROKEN_OFF);
}

/** Return the names of the models. */
async function modelNames() {
  const response = await request("v1/models");
  return (await response.json()).data.map((model) => model.id);
}

/** Return what a promise gives; throws an AbortError as soon as the signal is aborted. */
function orAborted(promise, signal) {
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  return Promise.race([promise, aborted]);
}
