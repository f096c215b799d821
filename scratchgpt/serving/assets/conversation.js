// The conversation, and where it is kept: in this tab, until the tab is closed.

const STORE = "scratchgpt.chat";

const conversation = {
  // {role, content}; answers also have spans, end and nTokens.
  messages: [],
  // The number of messages at the start that no longer fit in the model's context.
  nLeftOut: 0,
};

/** Return messages in OpenAI's shape, after the system message. */
function withSystem(system, messages) {
  const opening = system ? [{ role: "system", content: system }] : [];
  return opening.concat(messages.map(({ role, content }) => ({ role, content })));
}

/** Return the messages to send: those that fit in the model's context. */
function wireMessages(system) {
  return withSystem(system, conversation.messages.slice(conversation.nLeftOut));
}

/** Leave out the oldest turn that is still sent; returns false if it is the only one. */
function leaveOutTurn() {
  const { messages, nLeftOut } = conversation;
  const next = messages.findIndex((message, i) => i > nLeftOut && message.role === "user");
  if (next > 0) conversation.nLeftOut = next;
  return next > 0;
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
  const line = JSON.stringify({ messages: withSystem(system, conversation.messages) }) + "\n";
  const url = URL.createObjectURL(new Blob([line], { type: "application/jsonl" }));
  const link = create("a", { href: url, download: "conversation.jsonl" });
  link.click();
  // The browser reads the file after this task.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
