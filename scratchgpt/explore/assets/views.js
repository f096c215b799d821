// Attention by head, with tokens at the axes.
const views = (() => {
  const NAMES = { s: "S, the scores", p: "P, the weights", dp: "dP", ds: "dS" };

  function axis(words, style) {
    const box = document.createElement("div");
    box.className = `axis ${style}`;
    box.setAttribute("aria-hidden", "true");
    for (const word of words) {
      const item = document.createElement("span");
      item.textContent = word;
      box.append(item);
    }
    return box;
  }
  function build(view) {
    const queries = page.manifest.tokens[view.dataset.queries], keys = page.manifest.tokens[view.dataset.keys];
    const panels = view.querySelector(".panels"), reading = view.querySelector(".reading");
    const width = view.clientWidth, inRow = width > 760 ? width / 4 - 44 : Math.min(320, width - 40);
    const size = Math.max(6, Math.min(24, Math.floor(inRow / keys.length)));
    const parts = [];
    let head = 0, query = queries.length - 1;
    for (const [key, title] of Object.entries(NAMES)) {
      const v = Number(view.dataset[key]);
      const panel = document.createElement("div"), grid = document.createElement("div");
      panel.className = "panel";
      grid.className = "grid pic";
      panel.append(Object.assign(document.createElement("h4"), { textContent: title }), grid);
      const canvas = document.createElement("canvas"), holder = document.createElement("div");
      holder.className = "holder";
      holder.append(canvas);
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title}: queries by keys; move with the arrow keys`);
      canvas.style.width = `${size * keys.length}px`;
      canvas.style.height = `${size * queries.length}px`;
      const columns = axis(keys, "keys"), rows = axis(queries, "queries");
      columns.style.width = canvas.style.width;
      rows.style.height = canvas.style.height;
      grid.append(document.createElement("span"), columns, rows, holder);
      panels.append(panel);
      let c = 0;
      const choose = (r, column, open) => {
        query = r;
        c = column;
        show();
        heatmap.mark(canvas, r, column);
        if (open) follow.select(v, [head, r, column], true);
        heatmap.mark(canvas, r, column);
        for (const part of parts) {
          part.rows.forEach((item, i) => item.classList.toggle("now", i === r));
          part.columns.forEach((item, i) => item.classList.toggle("now", i === column));
        }
      };
      const at = (event) => {
        const box = canvas.getBoundingClientRect();
        return [Math.floor((event.clientY - box.top) / box.height * queries.length), Math.floor((event.clientX - box.left) / box.width * keys.length)]
          .map((x, i) => Math.max(0, Math.min(x, (i ? keys : queries).length - 1)));
      };
      canvas.addEventListener("mousemove", (event) => choose(...at(event), false));
      canvas.addEventListener("click", (event) => choose(...at(event), true));
      canvas.addEventListener("keydown", (event) => {
        const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
        if (!move) return;
        event.preventDefault();
        event.stopPropagation();
        choose(Math.max(0, Math.min(queries.length - 1, query + move[0])), Math.max(0, Math.min(keys.length - 1, c + move[1])), true);
      });
      parts.push({ v, canvas, rows: [...rows.children], columns: [...columns.children] });
    }
    function show() {
      const line = (v) => keys.map((_, s) => page.at(v, [head, query, s]));
      const weights = line(Number(view.dataset.p)), wanted = line(Number(view.dataset.ds));
      const most = weights.indexOf(Math.max(...weights)), better = wanted.indexOf(Math.min(...wanted));
      const worse = wanted.indexOf(Math.max(...wanted));
      let words = `Head ${head}, query ${query} “${queries[query]}”: most weight on key ${most} “${keys[most]}” (${page.format(weights[most], 3)}).`;
      if (wanted[better] < 0) words += ` A higher score of key ${better} “${keys[better]}” would lower the loss (dS ${page.format(wanted[better], 3)}), a higher score of key ${worse} “${keys[worse]}” would raise it (dS ${page.format(wanted[worse], 3)}).`;
      reading.textContent = words;
    }
    function paint() {
      for (const part of parts) {
        const s = page.shape(part.v), n = s[1] * s[2], all = page.numbers(part.v);
        heatmap.paint(part.canvas, all.subarray(head * n, (head + 1) * n), s[1], s[2], heatmap.largest(all));
      }
      show();
    }
    function choose(h) {
      head = h;
      view.querySelectorAll("[data-head]").forEach((b) => b.setAttribute("aria-pressed", String(Number(b.dataset.head) === h)));
      paint();
    }
    view.querySelectorAll("[data-head]").forEach((b) => b.addEventListener("click", () => choose(Number(b.dataset.head))));
    view.choose = choose;
    view.paint = paint;
    paint();
  }
  const all = () => [...document.querySelectorAll(".attention")];
  return { build, all };
})();
