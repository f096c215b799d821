// The messages on the page.

const log = byId("log");
const scroller = byId("scroller");
// From the element of a token to its span.
const spanOf = new WeakMap();

/** Scroll to the end, unless the reader has scrolled up. */
function followingEnd(change) {
  const distance = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  change();
  if (distance < 48) scroller.scrollTop = scroller.scrollHeight;
}

/** An answer on the page, which grows while it is streamed. */
class AnswerView {
  constructor(message) {
    this.message = message;
    this.text = create("div", { className: "text" });
    this.note = create("div", { className: "note" });
    this.element = create("article", { className: "answer" });
    this.element.ariaLabel = "Answer";
    this.element.append(this.text, this.note);
    this.nShown = 0;
    // Text whose tokens are not known yet.
    this.rest = document.createTextNode("");
    this.text.append(this.rest);
  }

  /** Show what has been added to the spans, and the text that has no tokens yet. */
  update(rest = "") {
    const spans = this.message.spans ?? [{ text: this.message.content, tokens: [] }];
    // The last span that is shown may have grown by a part of a character.
    const first = Math.max(0, this.nShown - 1);
    for (let i = first; i < spans.length; i += 1) {
      const element = tokenElement(spans[i]);
      if (i < this.nShown) this.text.children[i].replaceWith(element);
      else this.rest.before(element);
    }
    if (first === 0 && spans.length) this.text.children[0].tabIndex = 0;
    this.nShown = spans.length;
    this.rest.data = rest;
  }

  /** Show how the answer ended. */
  finish() {
    const { content, end, nTokens } = this.message;
    const words = {
      length: "maximum length",
      canceled: "stopped",
      error: "incomplete",
    };
    const count = nTokens ? [`${nTokens} token${nTokens === 1 ? "" : "s"}`] : [];
    if (!content) this.text.prepend(create("em", {}, "The model said nothing."));
    this.element.classList.remove("growing");
    const parts = [...count, ...(words[end] ? [words[end]] : [])];
    if (parts.length) this.note.append(create("span", {}, parts.join(", ")));
  }
}

function tokenElement(span) {
  const probability = probabilityOf(span);
  const element = create("span", {}, span.text);
  if (probability === null) return element;
  element.className = "token";
  element.tabIndex = -1;
  element.style.setProperty("--unlikely", 1 - probability);
  spanOf.set(element, span);
  return element;
}

function userElement(message) {
  const element = create("article", { className: "user" });
  element.ariaLabel = "You";
  element.append(
    create("div", { className: "text" }, message.content),
    create("div", { className: "note" }),
  );
  return element;
}

/** Show the whole conversation anew; `actions(message, i)` returns the buttons of a message. */
function showConversation(actions) {
  const { messages, nLeftOut } = conversation;
  const elements = messages.map((message, i) => {
    if (message.role === "user") return withActions(userElement(message), actions(message, i));
    const view = new AnswerView(message);
    view.update();
    view.finish();
    return withActions(view.element, actions(message, i));
  });
  if (nLeftOut) {
    const line = create("p", { className: "left-out" });
    line.append("The model no longer sees the messages above: its context is full.");
    elements.splice(nLeftOut, 0, line);
  }
  followingEnd(() => log.replaceChildren(...elements));
  byId("empty").hidden = messages.length > 0;
}

function withActions(element, buttons) {
  element.querySelector(".note").append(...buttons);
  return element;
}

const tokenAt = (event) => event.target.closest?.(".token");

log.addEventListener("pointerover", (event) => {
  const token = tokenAt(event);
  if (token && event.pointerType !== "touch") showDetails(token, spanOf.get(token));
});
log.addEventListener("pointerout", (event) => {
  if (event.pointerType === "touch" || !tokenAt(event)) return;
  const focused = document.activeElement;
  if (spanOf.has(focused)) showDetails(focused, spanOf.get(focused));
  else hideDetails();
});
log.addEventListener("focusin", (event) => {
  const token = tokenAt(event);
  if (!token) return;
  for (const other of token.parentNode.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  token.tabIndex = 0;
  showDetails(token, spanOf.get(token));
  byId("status").textContent = spoken(spanOf.get(token));
});
log.addEventListener("focusout", hideDetails);
scroller.addEventListener("scroll", () => detailsOf && placeDetails(detailsOf));
log.addEventListener("keydown", (event) => {
  const token = tokenAt(event);
  if (!token) return;
  const tokens = [...token.parentNode.querySelectorAll(".token")];
  const at = tokens.indexOf(token);
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tokens.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  tokens[next]?.focus();
});
