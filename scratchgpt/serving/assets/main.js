// Sending, stopping, answering again, editing, and errors.

const input = byId("input");
const problemBox = byId("problem");
let running = null; // the AbortController of the answer that is streamed
let modelsLoaded = null; // a promise, while the names of the models are asked for and afterwards
let editedFrom = -1; // where the message that is edited is in the conversation

function say(text) {
  byId("status").textContent = text;
}

/** Return a button that calls `act`. */
function button(text, act) {
  const element = create("button", { type: "button", className: "quiet" }, text);
  element.addEventListener("click", act);
  return element;
}

/** Return the buttons below a message: those of the last turn change it. */
function actionsOf(message, i) {
  const { messages } = conversation;
  const buttons = [];
  if (message.role === "assistant" && message.content && navigator.clipboard) {
    buttons.push(button("Copy", () => copy(message.content)));
  }
  if (running) return buttons;
  const lastUser = messages.findLastIndex((one) => one.role === "user");
  if (i === lastUser) buttons.push(button("Edit", () => edit(i)));
  if (i === messages.length - 1) {
    buttons.push(button(message.role === "user" ? "Ask again" : "Regenerate", regenerate));
  }
  return buttons;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("The answer is copied.");
  } catch {
    say("The browser does not allow copying.");
  }
}

function refresh() {
  showConversation(actionsOf);
  byId("download").disabled = !conversation.messages.length;
  byId("send").hidden = Boolean(running);
  byId("stop").hidden = !running;
  byId("new").disabled = Boolean(running);
  byId("editing").hidden = editedFrom < 0;
}

/** Say in words what went wrong, with a button that tries again. */
function showProblem(problem, retry) {
  const needsKey = problem.code === NEEDS_KEY;
  const { message } = problem;
  const words = create("p", {}, message[0].toUpperCase() + message.slice(1));
  problemBox.replaceChildren(words, needsKey ? keyForm(retry) : button("Try again", retry));
  problemBox.hidden = false;
  if (needsKey) byId("api-key").focus();
  scroller.scrollTop = scroller.scrollHeight;
}

function keyForm(retry) {
  const key = create("input", { id: "api-key", type: "password", autocomplete: "off", required: true });
  // A header holds these characters only.
  key.pattern = "[\\x21-\\x7e]+";
  key.title = "An API key has no spaces and only characters of ASCII";
  const form = create("form", {}, create("label", {}, "API key ", key));
  form.append(create("button", { type: "submit" }, "Use this key"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apiKey = key.value;
    retry();
  });
  return form;
}

function hideProblem() {
  problemBox.hidden = true;
  problemBox.replaceChildren();
}

/** Stream the answer to the last message. */
async function answer() {
  hideProblem();
  running = new AbortController();
  refresh();
  const message = { role: "assistant", content: "", spans: [], end: null, nTokens: 0 };
  const view = new AnswerView(message);
  view.element.classList.add("growing");
  log.append(view.element);
  scroller.scrollTop = scroller.scrollHeight;
  say("The model answers.");
  let problem = null;
  try {
    await stream(message, view, running.signal);
  } catch (error) {
    message.end = error.name === "AbortError" ? "canceled" : "error";
    if (message.end === "error") problem = error;
  }
  running = null;
  if (message.content || (message.end !== "canceled" && !problem)) {
    conversation.messages.push(message);
  }
  const kept = keep();
  const hadFocus = document.activeElement === byId("stop");
  refresh();
  if (hadFocus) input.focus();
  if (problem) showProblem(problem, regenerate);
  else if (!kept) say("The conversation is too long to be kept over a reload; download it.");
  else say(message.end === "canceled" ? "Stopped." : message.content);
}

async function stream(message, view, signal) {
  await orAborted(loadModels(), signal); // a quick user asks before the page knows any model
  const alignment = new Alignment();
  message.spans = alignment.spans;
  const request = {
    model: byId("model").value,
    messages: wireMessages(byId("system").value),
    truncation: "auto", // leave out the oldest turns if the context is full
    ...sampling(),
  };
  try {
    for await (const chunk of chunksOf(request, signal)) {
      const choice = chunk.choices[0];
      const text = choice?.delta?.content ?? "";
      message.content += text;
      alignment.add(text, (choice?.logprobs?.content ?? []).map(readToken));
      message.end = choice?.finish_reason ?? message.end;
      message.nTokens = chunk.usage?.completion_tokens ?? message.nTokens;
      if (chunk.usage) conversation.nLeftOut = chunk.usage.dropped_messages ?? 0;
      followingEnd(() => view.update(alignment.text));
    }
  } finally {
    alignment.finish();
  }
}

function send() {
  const content = input.value;
  if (running || !content.trim()) {
    if (running) say("Wait for the answer, or stop it with Escape.");
    return;
  }
  if (!settingsAreValid()) return;
  if (editedFrom >= 0) conversation.messages.length = editedFrom;
  editedFrom = -1;
  conversation.messages.push({ role: "user", content });
  input.value = "";
  fitInput();
  input.focus();
  keep();
  answer();
}

/** Answer the last message of the user anew. */
function regenerate() {
  if (running || !settingsAreValid()) return;
  if (conversation.messages.at(-1)?.role === "assistant") conversation.messages.pop();
  stopEditing();
  input.focus();
  answer();
}

function edit(i) {
  editedFrom = i;
  input.value = conversation.messages[i].content;
  refresh();
  fitInput();
  input.focus();
}

function stopEditing() {
  if (editedFrom >= 0) input.value = "";
  editedFrom = -1;
  fitInput();
  refresh();
}

function fitInput() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

function newConversation() {
  conversation.messages = [];
  conversation.nLeftOut = 0;
  hideProblem();
  hideDetails();
  keep();
  stopEditing();
  say("A new conversation.");
  input.focus();
}

/** Fill in the names of the models, once; throws a Problem if the server does not say them. */
function loadModels() {
  modelsLoaded ??= showModels().catch((error) => {
    modelsLoaded = null; // the next attempt asks again
    throw error;
  });
  return modelsLoaded;
}

async function showModels() {
  const names = await modelNames();
  byId("model").replaceChildren(...names.map((name) => create("option", { value: name }, name)));
  byId("model").disabled = names.length < 2;
  byId("empty-model").textContent = names[0];
  document.title = `${names[0]} · scratchgpt`;
}

async function begin() {
  hideProblem();
  try {
    await loadModels();
  } catch (error) {
    if (!running) showProblem(error, begin); // an answer that waits for the names says it itself
  }
}

/** Escape does one thing: it stops the answer, or else closes what is open. */
function escape() {
  if (running) running.abort();
  else if (detailsOf) hideDetails();
  else if (!settingsPanel.hidden) byId("close-settings").click();
  else if (editedFrom >= 0) stopEditing();
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
input.addEventListener("keydown", (event) => {
  // While an input method composes a character, Enter accepts it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
input.addEventListener("input", fitInput);
document.addEventListener("keydown", (event) => event.key === "Escape" && escape());
byId("stop").addEventListener("click", () => running?.abort());
byId("new").addEventListener("click", newConversation);
byId("download").addEventListener("click", () => downloadConversation(byId("system").value));
byId("cancel-edit").addEventListener("click", () => {
  stopEditing();
  input.focus();
});
addEventListener("resize", hideDetails);

recallSettings();
recall();
refresh();
begin();
