// Follow one number: the panel at the bottom shows the sum that a number came from.
const follow = (() => {
  const dock = document.getElementById("dock"), title = document.getElementById("dock-title");
  const body = document.getElementById("dock-body");
  const MOST_TERMS = 12;
  let current = null;

  const element = (tag, text, style) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  };
  /** A button that leads to another number. */
  function link(v, index) {
    const button = element("button", `${page.name(v)}[${page.place(v, index)}]`, "to");
    button.type = "button";
    button.addEventListener("click", () => select(v, index, true, true));
    return button;
  }
  /** Collect what a kind notes about its terms. */
  function explanation(v, index) {
    const terms = [], plus = [];
    let text = "", factor = 1;
    const note = (value, from, label) => terms.push({ value, from, label: label || "" });
    note.text = (words) => { text = words; };
    note.factor = (f) => { factor = f; };
    note.plus = (value, from) => plus.push({ value, from: [from], label: "plus" });
    const found = evaluate.one(v, index, note);
    return found && { value: found[0], size: found[1], terms, plus, text, factor };
  }
  function sentence(v, index, e) {
    const f = (x) => page.format(x);
    const stored = page.at(v, index);
    const parts = e.terms.map((t) => {
      const numbers = t.from.map(([w, i]) => f(page.at(w, i)));
      return t.label || numbers.length < 2 ? f(t.value) : numbers.join("·");
    });
    const sign = (words) => words.replace(/\+ −/g, "− ");
    if (e.text) return `${e.text} = ${f(e.value)}`;
    let sum = parts.length > 8 ? `${parts.slice(0, 7).join(" + ")} + … (${parts.length} terms)` : parts.join(" + ");
    if (parts.length && e.factor !== 1) sum = `${f(e.factor)} · (${sum})`;
    for (const p of e.plus) sum += `${sum ? " + " : ""}${f(p.value)}`;
    return sign(`${sum || "0"} = ${f(stored === -Infinity ? stored : e.value)}`);
  }
  function termsTable(e) {
    const all = [...e.terms.map((t) => ({ ...t })), ...e.plus];
    const order = all.map((t, i) => [Math.abs(t.value), i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    const shown = new Set(order.slice(0, MOST_TERMS).map(([, i]) => i));
    const table = element("table"), rows = table.createTBody();
    all.forEach((term, i) => {
      if (!shown.has(i)) return;
      const row = rows.insertRow();
      row.insertCell().textContent = term.label;
      const cell = row.insertCell();
      term.from.forEach(([v, index], k) => {
        if (k) cell.append(" · ");
        cell.append(link(v, index));
        if (term.from.length > 1) cell.append(` ${page.format(page.at(v, index))}`);
      });
      const value = row.insertCell();
      value.className = "n";
      value.textContent = page.format(term.value, 5);
    });
    if (all.length > shown.size) {
      const rest = all.reduce((sum, t, i) => (shown.has(i) ? sum : sum + t.value), 0);
      const row = rows.insertRow();
      row.insertCell();
      row.insertCell().textContent = `${all.length - shown.size} smaller terms`;
      const value = row.insertCell();
      value.className = "n";
      value.textContent = page.format(rest, 5);
    }
    return table;
  }
  function render(v, index) {
    const stored = page.at(v, index);
    title.textContent = `${page.name(v)}[${page.place(v, index)}] = ${page.format(stored, 6)}`;
    body.replaceChildren();
    if (page.manifest.values[v].p) {
      body.append(element("p", "This picture is pooled: the array is too large for the page, so its numbers cannot be followed."));
      return;
    }
    const e = explanation(v, index);
    if (!e) {
      const words = page.how(v) === undefined && !/\/(dx|dy|y)$/.test(page.name(v))
        ? "The step begins with this number: it was not computed in it."
        : "This number cannot be followed: an array that it came from is too large for the page.";
      body.append(element("p", words));
      return;
    }
    if (stored === -Infinity) {
      body.append(element("p", "This score is masked: the query may not attend to this key."));
      return;
    }
    body.append(element("p", sentence(v, index, e), "sum"));
    const gap = Math.abs(e.value - stored), error = evaluate.error(e.value, e.size, stored);
    const check = element("p", "", "check");
    const good = error <= 1e-5;
    check.append("computed here ", element("b", page.format(e.value, 8)), ", stored ", element("b", page.format(stored, 8)), ", ");
    check.append(element("span", `difference ${page.format(Number.isNaN(gap) ? 0 : gap, 2)}`, good ? "same" : "differs"));
    body.append(check);
    if (e.terms.length || e.plus.length) body.append(termsTable(e));
  }
  /** Show a number; mark its cell; put it in the address, so that it can be shared. */
  function select(v, index, open, jump) {
    current = { v, index };
    markAll(v, index);
    if (open) {
      dock.hidden = false;
      render(v, index);
      uncover(v);
    }
    const where = page.letters(v).map((letter, i) => `${letter}=${index[i]}`).join("&");
    const hash = `#${page.name(v)}${where ? `?${where}` : ""}`;
    if (jump) {
      history.pushState(null, "", hash);
      reveal(document.getElementById(page.name(v)));
    } else history.replaceState(null, "", hash);
  }
  function reveal(figure) {
    if (!figure) return;
    for (let d = figure.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    heatmap.draw(figure);
    figure.scrollIntoView({ block: "start" });
  }
  /** Keep a cell in sight above the panel. */
  function uncover(v) {
    const figure = [...document.querySelectorAll(`figure[data-v="${v}"]`)].find((f) => f.contains(document.activeElement));
    if (figure && figure.getBoundingClientRect().bottom > dock.getBoundingClientRect().top) figure.scrollIntoView({ block: "start" });
  }
  function markAll(v, index) {
    document.querySelectorAll(".cursor").forEach((c) => c.remove());
    document.querySelectorAll(`figure[data-v="${v}"]`).forEach((figure) => {
      const canvases = figure.querySelectorAll("canvas");
      if (!canvases.length) return;
      const n = index.length;
      if (n === 3) heatmap.mark(canvases[index[0]], index[1], index[2]);
      else heatmap.mark(canvases[0], n === 2 ? index[0] : 0, index[n - 1]);
    });
  }
  function refresh() {
    if (current && !dock.hidden && page.exists(current.v)) render(current.v, current.index);
  }
  function close() {
    dock.hidden = true;
    document.querySelectorAll(".cursor").forEach((c) => c.remove());
  }
  document.getElementById("dock-close").addEventListener("click", close);
  return { select, refresh, close, reveal, explanation };
})();
