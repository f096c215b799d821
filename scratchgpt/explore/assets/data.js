// The arrays of the page: one block of numbers, and a description of each array in it.
/** Decompress the numbers. Their bytes come in four parts: all first bytes, all second ones, ... */
async function unpacked(text) {
  const words = atob(text), bytes = new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) bytes[i] = words.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const parts = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = parts.length / 4, whole = new Uint8Array(parts.length);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < 4; k++) whole[4 * i + k] = parts[k * n + i];
  }
  return new Float32Array(whole.buffer);
}
const floats = await unpacked(document.getElementById("numbers").textContent);
const page = (() => {
  const manifest = JSON.parse(document.getElementById("manifest").textContent);
  const state = { start: false };

  /** Numbers of an array, flat. */
  function numbers(v) {
    const value = manifest.values[v];
    const size = value.s.reduce((a, b) => a * b, 1);
    const other = state.start && manifest.start ? manifest.start[v] : undefined;
    const offset = other === undefined ? value.o : other;
    return floats.subarray(offset, offset + size);
  }
  /** Whether an array exists in the state that is shown: moments do not exist before training. */
  const exists = (v) => !state.start || manifest.start[v] !== undefined;
  const shape = (v) => manifest.values[v].s;
  function flat(v, index) {
    const s = shape(v);
    let at = 0;
    for (let i = 0; i < s.length; i++) at = at * s[i] + index[i];
    return at;
  }
  const at = (v, index) => numbers(v)[flat(v, index)];
  function unflat(v, place) {
    const s = shape(v), index = new Array(s.length);
    for (let i = s.length - 1; i >= 0; i--) {
      index[i] = place % s[i];
      place = Math.floor(place / s[i]);
    }
    return index;
  }
  /** Letters of the axes for display and links: the second axis of the same letter is s. */
  function letters(v) {
    const seen = {};
    return manifest.values[v].a.map((axis) => {
      let letter = axis.toLowerCase();
      if (seen[letter]) letter = letter === "t" ? "s" : `${letter}${seen[letter] + 1}`;
      seen[axis.toLowerCase()] = (seen[axis.toLowerCase()] || 0) + 1;
      return letter;
    });
  }
  /** The name of one cell: "t 5 h, s 3 e". */
  function place(v, index) {
    const names = letters(v);
    return index.map((i, axis) => {
      const words = manifest.tokens[manifest.values[v].a[axis]];
      const letter = /^\d/.test(names[axis]) ? "" : `${names[axis]}\u00a0`;
      return `${letter}${i}${words ? `\u00a0“${words[i]}”` : ""}`;
    }).join(", ");
  }
  const name = (v) => manifest.values[v].n || `array ${v}`;
  const how = (v) => (manifest.values[v] ? manifest.values[v].h : undefined);
  function format(x, digits = 4) {
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    if (x === 0) return "0";
    const size = Math.abs(x);
    const words = size >= 1e-4 && size < 1e5
      ? x.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(size))))
      : x.toExponential(digits - 1);
    return words.replaceAll("-", "−");
  }
  return { manifest, state, numbers, exists, shape, flat, unflat, at, letters, place, name, how, format };
})();
