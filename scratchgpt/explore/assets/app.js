// Keys, links, theme, help, the switch to the state before training, and the check of all numbers.
(() => {
  const root = document.documentElement, { manifest } = page;
  root.classList.add("scripted");
  const figures = [...document.querySelectorAll("figure[data-v]")];

  // Figures of one row share a scale where they are to be compared.
  for (const row of document.querySelectorAll("[data-same-scale]")) {
    const inside = [...row.querySelectorAll("figure")].filter((f) => !/\/x$/.test(f.id));
    const most = Math.max(...inside.map((f) => heatmap.largest(page.numbers(Number(f.dataset.v)))));
    for (const figure of inside) figure.dataset.most = most;
  }
  heatmap.reserve(figures);
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      if (entry.target.matches(".attention")) views.build(entry.target);
      else heatmap.draw(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const item of [...figures, ...views.all()]) seen.observe(item);
  function repaint() {
    for (const figure of figures) if (figure.dataset.drawn) heatmap.draw(figure);
    for (const view of views.all()) if (view.paint) view.paint();
  }

  // Steps: forward through the cards, then backward.
  const order = [
    ...manifest.cards.map((id) => [manifest.ids[id][0], id, "forward"]),
    ...manifest.cards.map((id) => [manifest.ids[id][1], id, "backward"]),
  ].sort((a, b) => a[0] - b[0]);
  let now = -1;
  /** Mark a step on the map, and bring it into sight there. */
  function mark([, id, way]) {
    const side = document.querySelector(".side"), frame = side.getBoundingClientRect();
    for (const a of document.querySelectorAll(".map a")) {
      const isIt = a.dataset.card === id && a.dataset.way === way;
      a.classList.toggle("now", isIt);
      if (!isIt) continue;
      const box = a.getBoundingClientRect();
      if (box.top < frame.top || box.bottom > frame.bottom) side.scrollTop += box.top - frame.top - frame.height / 2;
    }
  }
  function go(i) {
    if (!order.length) return;
    now = Math.max(0, Math.min(order.length - 1, i));
    const [, id, way] = order[now], card = document.getElementById(id);
    mark(order[now]);
    const side = card.querySelector(`.col.${way}`);
    card.focus({ preventScroll: true });
    (root.clientWidth <= 820 ? side : card).scrollIntoView({ block: "start" });
    history.replaceState(null, "", `#${id}`);
    root.dataset.step = String(now);
  }
  const help = document.getElementById("help");
  function search() {
    const wanted = prompt("Go to an array or a card, for example h.0.attn.attention/backward/dS");
    if (!wanted) return;
    const names = [...manifest.values.filter(Boolean).map((v) => v.n), ...manifest.cards];
    const found = names.find((n) => n === wanted) || names.find((n) => n.endsWith(wanted)) || names.find((n) => n.includes(wanted));
    if (found) location.hash = found;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if (help.open) return;
    const key = event.key;
    if (key === "ArrowRight" || key === "j") go(now + 1);
    else if (key === "ArrowLeft" || key === "k") go(now - 1);
    else if (key === "b" && now >= 0) go(order.findIndex(([, id, way]) => id === order[now][1] && way !== order[now][2]));
    else if (key === "/") search();
    else if (key === "?") help.showModal();
    else if (key === "Escape") follow.close();
    else if (/^[1-9]$/.test(key)) {
      for (const view of views.all()) {
        if (view.choose && Number(key) <= view.querySelectorAll("[data-head]").length) view.choose(Number(key) - 1);
      }
    } else return;
    event.preventDefault();
  });
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.getElementById("help-close").addEventListener("click", () => help.close());
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = heatmap.isDark() ? "light" : "dark";
    repaint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  // The state before training.
  const start = document.getElementById("start");
  if (start) {
    start.addEventListener("click", () => {
      page.state.start = !page.state.start;
      start.setAttribute("aria-pressed", String(page.state.start));
      root.classList.toggle("before-training", page.state.start);
      for (const figure of figures) {
        const v = Number(figure.dataset.v), line = figure.querySelector(".stat, .scalar");
        if (!line || !page.exists(v)) continue;
        if (line.dataset.trained === undefined) line.dataset.trained = line.textContent;
        line.textContent = page.state.start ? words(v, line) : line.dataset.trained;
      }
      repaint();
      follow.refresh();
    });
  }
  function words(v, line) {
    const all = Array.from(page.numbers(v)).filter(Number.isFinite);
    if (line.className === "scalar") return page.format(all[0], 6);
    const norm = Math.sqrt(all.reduce((sum, x) => sum + x * x, 0));
    return `${page.format(Math.min(...all), 3)} … ${page.format(Math.max(...all), 3)} · norm ${page.format(norm, 3)}`;
  }

  // Links: the name of an array, and optionally a cell.
  function open() {
    const [id, query] = decodeURIComponent(location.hash.slice(1)).split("?");
    const found = document.getElementById(id);
    if (!found) return;
    const figure = found.closest("figure") || found;
    const card = figure.closest(".card");
    if (card) {
      const way = figure.closest(".col.backward") ? "backward" : "forward";
      now = order.findIndex(([, name, w]) => name === card.id && w === way);
      mark(order[now]);
    }
    if (!figure.matches("figure[data-v]")) {
      if (query === undefined) return;
    } else follow.reveal(figure);
    if (query && figure.matches("figure[data-v]")) {
      const v = Number(figure.dataset.v), given = new URLSearchParams(query);
      if (given.has("head")) given.set("h", given.get("head"));
      const index = page.letters(v).map((letter, i) => Math.min(page.shape(v)[i] - 1, Math.max(0, Number(given.get(letter)) || 0)));
      follow.select(v, index, true);
    }
  }
  addEventListener("hashchange", open);
  addEventListener("popstate", open);
  open();

  // The check of all numbers, in parts so that the page stays responsive.
  const button = document.getElementById("check");
  const followed = () => manifest.values.map((_, v) => v).filter((v) => page.how(v) && page.exists(v) && !(page.state.start && evaluate.UPDATES.has(page.how(v).k)));
  function checkAll() {
    let n = 0, worst = 0, gap = 0;
    for (const v of followed()) {
      const found = evaluate.all(v);
      n += found.n;
      worst = Math.max(worst, found.worst);
      gap = Math.max(gap, found.gap);
    }
    return { n, worst, gap };
  }
  if (button) {
    button.addEventListener("click", () => {
      const { n, worst, gap } = checkAll();
      const good = worst <= 1e-5 ? "All agree." : "They do not agree.";
      document.getElementById("checked").textContent = `${n.toLocaleString("en")} numbers recomputed; the largest difference is ${page.format(gap, 2)}, and ${page.format(worst, 2)} of the size of its terms. ${good}`;
    });
  }
  window.explorer = { page, evaluate, heatmap, follow, checkAll, followed, steps: order.length };
  window.ready = true;
})();
