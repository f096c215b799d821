// The conversation, and where it is kept: in this tab, until the tab is closed.

const STORE = "scratchgpt.chat";

const conversation = {
  // {role, content}; answers also have spans, end and nTokens.
  messages: [],
  // The number of the oldest messages that the model did not read for its last answer.
  nLeftOut: 0,
};

/** Return all messages in OpenAI's shape, after the system message. */
function wireMessages(system) {
  const opening = system ? [{ role: "system", content: system }] : [];
  return opening.concat(conversation.messages.map(({ role, content }) => ({ role, content })));
}

/** Keep the conversation over a reload; returns false if it is too large for that. */
function keep() {
  const { messages, nLeftOut } = conversation;
  const withoutSpans = messages.map(({ spans, ...rest }) => rest);
  for (const kept of [messages, withoutSpans]) {
    try {
      sessionStorage.setItem(STORE, JSON.stringify({ messages: kept, nLeftOut }));
      return true;
    } catch {
      // The store is full; the probabilities take most of the room.
    }
  }
  return false;
}

/** Load the conversation that `keep` stored, if there is one. */
function recall() {
  try {
    Object.assign(conversation, JSON.parse(sessionStorage.getItem(STORE)));
  } catch {
    // Nothing is stored, or the browser forbids it.
  }
}

/** Save the conversation as a file: one line of JSON, in OpenAI's shape. */
function downloadConversation(system) {
  const line = JSON.stringify({ messages: wireMessages(system) }) + "\n";
  const url = URL.createObjectURL(new Blob([line], { type: "application/jsonl" }));
  const link = create("a", { href: url, download: "conversation.jsonl" });
  link.click();
  // The browser reads the file after this task.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
