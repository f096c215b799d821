// Pictures of arrays: one pixel a cell, enlarged by the browser.
const heatmap = (() => {
  const PALETTES = {
    light: { zero: [255, 255, 255], positive: [[246, 166, 90], [158, 61, 0]], negative: [[110, 165, 230], [8, 62, 140]] },
    dark: { zero: [22, 25, 29], positive: [[190, 98, 20], [255, 205, 150]], negative: [[35, 95, 180], [170, 210, 255]] },
  };
  const NAN = [214, 0, 90];
  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  /** The color of a number: from zero over a middle color to the end color of its sign. */
  function color(x, largest, palette) {
    if (Number.isNaN(x)) return [...NAN, 255];
    if (x === -Infinity) return [0, 0, 0, 0]; // masked: the hatching of the canvas shows
    const t = largest > 0 ? Math.sqrt(Math.min(Math.abs(x) / largest, 1)) : 0;
    const [middle, end] = x < 0 ? palette.negative : palette.positive;
    const [from, to, part] = t < 0.5 ? [palette.zero, middle, 2 * t] : [middle, end, 2 * t - 1];
    return [0, 1, 2].map((i) => Math.floor(from[i] + (to[i] - from[i]) * part + 0.5)).concat(255);
  }
  function largest(array) {
    let most = 0;
    for (const x of array) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
    return most;
  }
  /** Paint a matrix of numbers. */
  function paint(canvas, array, rows, columns, most) {
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    const palette = PALETTES[isDark() ? "dark" : "light"];
    for (let i = 0; i < array.length; i++) image.data.set(color(array[i], most, palette), 4 * i);
    context.putImageData(image, 0, 0);
  }
  /** Split an array into matrices: [{array, rows, columns, head}]. */
  function matrices(v) {
    const s = page.shape(v), array = page.numbers(v);
    if (s.length === 3) {
      const size = s[1] * s[2];
      return Array.from({ length: s[0] }, (_, h) => ({ array: array.subarray(h * size, (h + 1) * size), rows: s[1], columns: s[2], head: h }));
    }
    return [{ array, rows: s.length === 2 ? s[0] : 1, columns: s[s.length - 1], head: null }];
  }
  const indexOf = (v, head, r, c) => {
    const n = page.shape(v).length;
    return n === 3 ? [head, r, c] : n === 2 ? [r, c] : [c];
  };

  /** Size of a cell in CSS pixels, for a picture in a given width. */
  function cell(rows, columns, width) {
    return Math.max(Math.min(16, Math.floor(width / columns), Math.floor(260 / rows)), Math.min(2, width / columns));
  }
  /** The width for each picture of a figure. */
  function widthOf(figure, parts) {
    const inRow = Math.min(420, document.documentElement.clientWidth - 80);
    const room = Math.max(120, (figure.parentElement.classList.contains("row") ? inRow : figure.clientWidth) - 24);
    return parts.length > 1 && parts[0].columns <= 20 ? room / Math.min(parts.length, 3) - 6 : room;
  }
  const heightOf = (part, size) => Math.max(Math.round(size * part.rows), part.rows === 1 ? 12 : 0);
  /** Height of the pictures of a figure; 0 if it is not in sight. */
  function needed(figure) {
    if (!figure.querySelector(".pic") || !figure.clientWidth) return 0;
    const parts = matrices(Number(figure.dataset.v)), width = widthOf(figure, parts), size = cell(parts[0].rows, parts[0].columns, width);
    const perLine = Math.max(1, Math.floor((figure.clientWidth + 6) / (Math.round(size * parts[0].columns) + 6)));
    const lines = Math.ceil(parts.length / perLine);
    return lines * heightOf(parts[0], size) + 6 * (lines - 1);
  }
  /** Reserve the place of all pictures, so that nothing moves when they are drawn. All sizes are
   * read before any is written: each reading after a writing would lay the whole page out again. */
  function reserve(figures) {
    const heights = figures.map(needed);
    figures.forEach((figure, i) => {
      if (heights[i]) figure.querySelector(".pic").style.minHeight = `${heights[i]}px`;
    });
  }
  /** Draw the pictures of a figure, once it is in sight. */
  function draw(figure) {
    const v = Number(figure.dataset.v), box = figure.querySelector(".pic");
    if (!box || !page.shape(v).length) return;
    figure.classList.toggle("absent", !page.exists(v));
    const most = figure.dataset.most ? Number(figure.dataset.most) : largest(page.numbers(v));
    const parts = matrices(v), width = widthOf(figure, parts);
    parts.forEach((part, i) => {
      let canvas = box.querySelectorAll("canvas")[i];
      if (!canvas) {
        const holder = document.createElement("div");
        holder.className = "holder";
        canvas = document.createElement("canvas");
        canvas.tabIndex = 0;
        canvas.setAttribute("role", "img");
        holder.append(canvas);
        box.append(holder);
        listen(canvas, v, part);
      }
      const size = cell(part.rows, part.columns, width);
      canvas.style.width = `${Math.round(size * part.columns)}px`;
      canvas.style.height = `${heightOf(part, size)}px`;
      canvas.setAttribute("aria-label", label(v, part));
      paint(canvas, part.array, part.rows, part.columns, most);
    });
    if (!figure.querySelector(".as-table")) addTable(figure, v);
    figure.dataset.drawn = page.state.start ? "start" : "yes";
  }
  function label(v, part) {
    const head = part.head === null ? "" : `, head ${part.head}`;
    return `${page.name(v)}${head}: ${part.rows} by ${part.columns} numbers; move with the arrow keys`;
  }
  function listen(canvas, v, part) {
    let r = 0, c = 0;
    const choose = (open) => follow.select(v, indexOf(v, part.head, r, c), open);
    const locate = (event) => {
      const box = canvas.getBoundingClientRect();
      r = Math.min(part.rows - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * part.rows)));
      c = Math.min(part.columns - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * part.columns)));
    };
    canvas.addEventListener("click", (event) => { locate(event); canvas.focus({ preventScroll: true }); choose(true); });
    canvas.addEventListener("mousemove", (event) => {
      locate(event);
      const index = indexOf(v, part.head, r, c);
      canvas.title = `${page.place(v, index)}: ${page.format(page.at(v, index))}`;
    });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (move) {
        r = Math.min(part.rows - 1, Math.max(0, r + move[0]));
        c = Math.min(part.columns - 1, Math.max(0, c + move[1]));
        choose(true);
      } else if (event.key === "Enter" || event.key === " ") {
        choose(true);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.moveTo = (row, column) => { r = row; c = column; };
  }
  /** Mark a cell of a canvas. */
  function mark(canvas, r, c) {
    let cursor = canvas.parentElement.querySelector(".cursor");
    if (!cursor) {
      cursor = document.createElement("div");
      cursor.className = "cursor";
      canvas.parentElement.append(cursor);
    }
    const width = 100 / canvas.width, height = 100 / canvas.height;
    Object.assign(cursor.style, { left: `${c * width}%`, top: `${r * height}%`, width: `${width}%`, height: `${height}%` });
    if (canvas.moveTo) canvas.moveTo(r, c);
  }
  function addTable(figure, v) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "as-table";
    button.textContent = "numbers";
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", `Numbers of ${page.name(v)}`);
    figure.querySelector("figcaption").append(button);
    button.addEventListener("click", () => {
      const old = figure.querySelector(".table");
      button.setAttribute("aria-expanded", String(!old));
      if (old) old.remove();
      else figure.append(table(v));
    });
  }
  /** The numbers of an array as a table. */
  function table(v) {
    const box = document.createElement("div");
    box.className = "table";
    for (const part of matrices(v)) {
      const element = document.createElement("table"), body = element.createTBody();
      if (part.head !== null) element.createCaption().textContent = `head ${part.head}`;
      for (let r = 0; r < part.rows; r++) {
        const line = body.insertRow();
        for (let c = 0; c < part.columns; c++) {
          line.insertCell().textContent = page.format(part.array[r * part.columns + c]).replaceAll("−", "-");
        }
      }
      box.append(element);
    }
    return box;
  }
  return { draw, reserve, paint, largest, mark, color, indexOf, PALETTES, isDark };
})();
