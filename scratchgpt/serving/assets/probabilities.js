// What the model might have said instead: shown beside the token under the pointer or the focus.

/** Create an element. Text always becomes a text node, never HTML. */
function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
const details = byId("details");
let detailsOf = null;

/** Format a probability: 43.1 %, 0.52 %, < 0.01 %. */
function percent(probability) {
  const value = 100 * probability;
  if (value < 0.01) return "< 0.01 %";
  return `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

/** Show white space and control characters of a token. */
function visible(text) {
  const named = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
  return text.replace(/[ \n\t\r]/g, (character) => named[character]);
}

/** Fill in and show the details of a token. */
function showDetails(element, span) {
  if (!span.tokens.length) return;
  detailsOf = element;
  details.replaceChildren(...span.tokens.map(tokenDetails));
  details.hidden = false;
  element.setAttribute("aria-describedby", "details");
  placeDetails(element);
}

function tokenDetails(token) {
  const chosen = { text: token.text, logprob: token.logprob };
  const isListed = token.top.some((one) => one.text === token.text);
  const rows = (isListed ? token.top : [...token.top, chosen]).map((one) => {
    const isChosen = one.text === token.text;
    const bar = create("i", { ariaHidden: "true" });
    bar.style.setProperty("--p", Math.exp(one.logprob));
    const row = create("li", { className: isChosen ? "chosen" : "" });
    row.append(
      create("span", { className: "word" }, visible(one.text)),
      bar,
      create("span", { className: "number" }, percent(Math.exp(one.logprob))),
    );
    return row;
  });
  return create("ol", {}, ...rows);
}

/** Put the details above the token, or below it if there is no room above. */
function placeDetails(element) {
  const token = element.getClientRects()[0];
  if (!token) return;
  const box = details.getBoundingClientRect();
  const left = Math.min(Math.max(8, token.left), innerWidth - box.width - 8);
  const above = token.top - box.height - 8;
  details.style.left = `${left}px`;
  details.style.top = `${above >= 8 ? above : token.bottom + 8}px`;
}

function hideDetails() {
  details.hidden = true;
  detailsOf?.removeAttribute("aria-describedby");
  detailsOf = null;
}

/** Say the details in one sentence, for a screen reader. */
function spoken(span) {
  const parts = span.tokens.map((token) => {
    const others = token.top.filter((one) => one.text !== token.text);
    const list = others.map((one) => `${visible(one.text)} ${percent(Math.exp(one.logprob))}`);
    const instead = list.length ? `; others: ${list.join(", ")}` : "";
    return `${visible(token.text)}: ${percent(Math.exp(token.logprob))}${instead}`;
  });
  return parts.join(". ");
}
