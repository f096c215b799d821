// Which tokens each piece of an answer's text comes from.

const encoder = new TextEncoder();
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Convert bytes to text. Bytes that are not whole characters become escapes: \xf0\x9f. */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => "\\x" + byte.toString(16).padStart(2, "0")).join("");
  }
}

/** Read one entry of `logprobs.content`. */
function readToken(entry) {
  const name = (one) => (one.bytes ? textOf(Uint8Array.from(one.bytes)) : one.token);
  return {
    text: name(entry),
    bytes: entry.bytes ? Uint8Array.from(entry.bytes) : encoder.encode(entry.token),
    logprob: entry.logprob,
    top: (entry.top_logprobs ?? []).map((one) => ({ text: name(one), logprob: one.logprob })),
  };
}

/**
 * Splits a streamed answer into spans of whole characters, each with its tokens.
 *
 * A character may consist of several tokens, and tokens need not arrive in the chunk of their text.
 * So the bytes of both are compared. If they differ, the text that has no tokens yet becomes one
 * span, with all tokens that have no text yet.
 */
class Alignment {
  constructor() {
    this.spans = [];
    this.text = ""; // without its tokens yet
    this.tokens = []; // without their text yet
  }

  /** Add the text and the tokens of a chunk. */
  add(text, tokens) {
    this.text += text;
    this.tokens.push(...tokens);
    if (!this.tokens.length) return;
    const bytes = encoder.encode(this.text);
    let [start, end, first] = [0, 0, 0];
    for (let i = 0; i < this.tokens.length; i += 1) {
      const token = this.tokens[i].bytes;
      const arrived = bytes.subarray(end, end + token.length);
      if (arrived.some((byte, k) => byte !== token[k])) {
        end = bytes.length;
        i = this.tokens.length - 1;
      } else if (arrived.length < token.length) {
        break;
      } else {
        end += token.length;
      }
      const isWhole = end === bytes.length || (bytes[end] & 0xc0) !== 0x80;
      if (!isWhole || end === start) continue;
      this.#append(textOf(bytes.subarray(start, end)), this.tokens.slice(first, i + 1));
      [start, first] = [end, i + 1];
    }
    this.text = textOf(bytes.subarray(start));
    this.tokens = this.tokens.slice(first);
  }

  /** Add the text that is left at the end. */
  finish() {
    if (this.text) this.#append(this.text, this.tokens);
    this.text = "";
    this.tokens = [];
  }

  #append(text, tokens) {
    const last = this.spans.at(-1);
    const joined = (last?.text ?? "") + text;
    // What is one character to a reader stays in one span: an accent, or an emoji of several parts.
    if (last?.text && graphemes.segment(joined).containing(last.text.length).index !== last.text.length) {
      last.text = joined;
      last.tokens.push(...bare(tokens));
    } else {
      this.spans.push({ text, tokens: bare(tokens) });
    }
  }
}

/** Leave out the bytes, which nothing needs after the alignment. */
function bare(tokens) {
  return tokens.map(({ text, logprob, top }) => ({ text, logprob, top }));
}

/** Return the probability of all tokens of a span, or null if they are not known. */
function probabilityOf(span) {
  if (!span.tokens.length) return null;
  return Math.exp(span.tokens.reduce((sum, token) => sum + token.logprob, 0));
}
