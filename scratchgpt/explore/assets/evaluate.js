// How each number came about. Every kind returns the value, the sum of the sizes of its terms (the
// measure of rounding errors), and on request the terms.
const evaluate = (() => {
  const { shape, at, numbers, manifest } = page;
  const UPDATES = new Set(["adam", "ahead", "orthogonal", "muon"]);
  const SQRT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

  /** Error function to about 1e-15: a series for small x, a continued fraction for large x. */
  function erf(x) {
    const size = Math.abs(x);
    if (size < 2.5) {
      let term = size, sum = size;
      for (let n = 1; n < 80; n++) {
        term *= -size * size / n;
        sum += term / (2 * n + 1);
      }
      return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum;
    }
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
    return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
  }
  const sigmoid = (x) => (1 + Math.tanh(x / 2)) / 2;
  const phi = (x) => (1 + erf(x / Math.SQRT2)) / 2;
  const tanhOf = (x) => Math.tanh(SQRT * (x + CUBIC * x ** 3));
  const CURVES = {
    "tanh": (x) => x / 2 * (1 + tanhOf(x)),
    "tanh'": (x) => {
      const t = tanhOf(x);
      return (1 + t + x * (1 - t * t) * SQRT * (1 + 3 * CUBIC * x * x)) / 2;
    },
    "none": (x) => x * phi(x),
    "none'": (x) => phi(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
    "relu": (x) => (x <= 0 ? 0 : x),
    "relu'": (x) => (x <= 0 ? 0 : 1),
    "relu_squared": (x) => (x <= 0 ? 0 : x * x),
    "relu_squared'": (x) => (x <= 0 ? 0 : 2 * x),
    "silu": (x) => x * sigmoid(x),
    "silu'": (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  };
  /** A sentence with numbers in it; their signs join those before them. */
  const filled = (parts, ...values) => String.raw({ raw: parts }, ...values.map((x) => page.format(x)))
    .replaceAll("− −", "+ ").replaceAll("+ −", "− ");
  const row = (v, index) => index.slice(0, -1);
  /** First column, width and number of the matrix that a column of a parameter belongs to. */
  function matrixOf(columns, c) {
    let first = 0, i = 0;
    while (c >= first + columns[i]) first += columns[i++];
    return [first, columns[i], i];
  }

  const kinds = {
    sum(h, index, note, stored) {
      if (h.mask && stored === -Infinity) return [stored, 0];
      const where = {};
      for (let i = 0; i < h.o.length; i++) where[h.o[i]] = index[i];
      const place = (letters) => Array.from(letters, (c) => where[c]);
      let n = 1;
      if (h.r) {
        const [v, letters] = h.of.find(([, l]) => l.includes(h.r));
        n = shape(v)[letters.indexOf(h.r)];
      }
      const f = h.f === undefined ? 1 : h.f;
      let value = 0, size = 0;
      if (h.of.length) {
        for (let k = 0; k < n; k++) {
          if (h.r) where[h.r] = k;
          let term = 1;
          for (const [v, letters] of h.of) term *= at(v, place(letters));
          value += term;
          size += Math.abs(term);
          if (note) note(term, h.of.map(([v, letters]) => [v, place(letters)]));
        }
        value *= f;
        size *= Math.abs(f);
        if (note && f !== 1) note.factor(f);
      }
      for (const [v, letters] of h.plus || []) {
        const term = at(v, place(letters));
        value += term;
        size += Math.abs(term);
        if (note) note.plus(term, [v, place(letters)]);
      }
      return [value, size];
    },
    softmax(h, index, note) {
      const s = shape(h.a), last = s.length - 1, n = s[last];
      const line = [];
      for (let k = 0; k < n; k++) line.push(at(h.a, [...index.slice(0, last), k]));
      const shift = Math.max(...line);
      if (shift === -Infinity) return [0, 1];
      let total = 0;
      for (const x of line) total += Math.exp(x - shift);
      const value = Math.exp(line[index[last]] - shift) / total;
      if (note) {
        line.forEach((x, k) => note(Math.exp(x - shift), [[h.a, [...index.slice(0, last), k]]], `e^(x − ${page.format(shift)})`));
        note.text(filled`e^(score − largest of the row) / sum of the row = ${Math.exp(line[index[last]] - shift)} / ${total}`);
      }
      return [value, value];
    },
    softmax_back(h, index, note) {
      const p = at(h.a, index), dp = at(h.b, index), average = at(h.c, row(h.c, index));
      if (note) {
        note.text(filled`P · (dP − average of dP) = ${p} · (${dp} − ${average})`);
        note(p, [[h.a, index]], "P");
        note(dp, [[h.b, index]], "dP");
        note(average, [[h.c, row(h.c, index)]], "average");
      }
      return [p * (dp - average), p * (Math.abs(dp) + Math.abs(average))];
    },
    rstd(h, index, note) {
      const n = shape(h.a)[1], mean = at(h.b, index);
      let variance = 0;
      for (let k = 0; k < n; k++) variance += (at(h.a, [index[0], k]) - mean) ** 2 / n;
      const value = 1 / Math.sqrt(variance + h.eps);
      if (note) {
        note.text(filled`1 / √(variance + ε) = 1 / √(${variance} + ${h.eps})`);
        note(mean, [[h.b, index]], "mean");
      }
      return [value, value];
    },
    rrms(h, index, note) {
      const s = shape(h.a), n = s[s.length - 1];
      let mean = 0;
      for (let k = 0; k < n; k++) mean += at(h.a, [...index, k]) ** 2 / n;
      const value = 1 / Math.sqrt(mean + h.eps);
      if (note) note.text(filled`1 / √(mean square + ε) = 1 / √(${mean} + ${h.eps})`);
      return [value, value];
    },
    rms_back(h, index, note) {
      const t = index.slice(0, -1);
      const d = at(h.a, index), hat = at(h.b, index), projection = at(h.c, t), r = at(h.d, t);
      if (note) {
        note.text(filled`rstd · (dx_hat − x_hat · projection) = ${r} · (${d} − ${hat} · ${projection})`);
        note(d * r, [[h.a, index], [h.d, t]], "direct: dx_hat · rstd");
        note(-hat * projection * r, [[h.b, index], [h.c, t], [h.d, t]], "through the mean square: −x_hat · projection · rstd");
      }
      return [r * (d - hat * projection), r * (Math.abs(d) + Math.abs(hat * projection))];
    },
    dot_rows(h, index, note) {
      const [n, m] = shape(h.a);
      let value = 0, size = 0;
      for (let i = 0; i < n; i++) {
        for (let t = 0; t < m; t++) {
          const from = [i, t, index[0]], term = at(h.a, from) * at(h.b, from);
          value += term;
          size += Math.abs(term);
          if (note) note(term, [[h.a, from], [h.b, from]]);
        }
      }
      return [value, size];
    },
    rotary(h, index, note) {
      const last = shape(h.a).length - 1, half = shape(h.b)[1], c = index[last], t = index[last - 1];
      const neighbors = h.pairing === "neighbors", second = neighbors ? c % 2 === 1 : c >= half;
      const pair = neighbors ? (c - c % 2) / 2 : c % half, other = neighbors ? c + (second ? -1 : 1) : c + (second ? -half : half);
      const there = [...index.slice(0, last), other], cos = at(h.b, [t, pair]), sin = at(h.c, [t, pair]);
      const x = at(h.a, index), y = at(h.a, there), sign = second === !h.back ? 1 : -1;
      if (note) {
        note(x * cos, [[h.a, index], [h.b, [t, pair]]], "this channel · cos");
        note(sign * y * sin, [[h.a, there], [h.c, [t, pair]]], `${sign < 0 ? "−" : ""}the other channel of the pair · sin`);
      }
      return [x * cos + sign * y * sin, Math.abs(x * cos) + Math.abs(y * sin)];
    },
    soft_cap(h, index, note, stored) {
      if (h.mask && stored === -Infinity) return [stored, 0];
      const x = at(h.a, index), value = h.cap * Math.tanh(x / h.cap);
      if (note) {
        note.text(filled`c · tanh(x / c) = ${h.cap} · tanh(${x} / ${h.cap})`);
        note(x, [[h.a, index]], "x");
      }
      return [value, Math.abs(x)];
    },
    soft_cap_back(h, index, note) {
      const y = at(h.a, index), dy = at(h.b, index), slope = 1 - (y / h.cap) ** 2;
      if (note) {
        note.text(filled`dy · (1 − (y / c)²) = ${dy} · ${slope}`);
        note(dy, [[h.b, index]], "dy");
        note(y, [[h.a, index]], "y");
      }
      return [dy * slope, Math.abs(dy) * 2];
    },
    gate(h, index, note) {
      const x = at(h.a, index), value = CURVES[h.form](x);
      if (note) {
        note.text(h.form.endsWith("'") ? "the slope of the curve at the gate" : "the curve at the gate");
        note(x, [[h.a, index]], "gate");
      }
      return [value, Math.abs(x) + Math.abs(value)];
    },
    gated(h, index, note) {
      const half = shape(h.a)[1] / 2, there = [index[0], index[1] + half];
      const x = at(h.a, index), up = at(h.a, there), a = CURVES[h.form](x);
      if (note) {
        note.text(filled`act(gate) · up = ${a} · ${up}`);
        note(x, [[h.a, index]], "gate");
        note(up, [[h.a, there]], "up");
      }
      return [a * up, (Math.abs(x) + Math.abs(a)) * Math.abs(up)];
    },
    gated_back(h, index, note) {
      const half = shape(h.a)[1] / 2, c = index[1] % half, isGate = index[1] < half;
      const gate = [index[0], c], other = [index[0], c + half];
      const x = at(h.a, gate), up = at(h.a, other), dy = at(h.b, gate);
      const slope = CURVES[`${h.form}'`](x), a = CURVES[h.form](x);
      if (note) {
        note.text(isGate ? filled`dy · up · slope at the gate = ${dy} · ${up} · ${slope}` : filled`dy · act(gate) = ${dy} · ${a}`);
        note(dy, [[h.b, gate]], "dy");
        note(x, [[h.a, gate]], "gate");
        if (isGate) note(up, [[h.a, other]], "up");
      }
      return isGate ? [dy * up * slope, Math.abs(dy * up) * (1 + Math.abs(x))] : [dy * a, Math.abs(dy) * (1 + Math.abs(x))];
    },
    x_hat(h, index, note) {
      const x = at(h.a, index), mean = at(h.b, [index[0]]), r = at(h.c, [index[0]]);
      if (note) {
        note.text(filled`(x − mean) · rstd = (${x} − ${mean}) · ${r}`);
        note(x, [[h.a, index]], "x");
        note(mean, [[h.b, [index[0]]]], "mean");
        note(r, [[h.c, [index[0]]]], "rstd");
      }
      return [(x - mean) * r, (Math.abs(x) + Math.abs(mean)) * r];
    },
    norm_back(h, index, note) {
      const t = [index[0]];
      const d = at(h.a, index), mean = at(h.b, t), hat = at(h.c, index), projection = at(h.d, t), r = at(h.e, t);
      if (note) {
        note.text(filled`rstd · (dx_hat − mean of dx_hat − x_hat · projection) = ${r} · (${d} − ${mean} − ${hat} · ${projection})`);
        note(d * r, [[h.a, index], [h.e, t]], "direct: dx_hat · rstd");
        note(-mean * r, [[h.b, t], [h.e, t]], "through the mean: −mean of dx_hat · rstd");
        note(-hat * projection * r, [[h.c, index], [h.d, t], [h.e, t]], "through the variance: −x_hat · projection · rstd");
      }
      return [r * (d - mean - hat * projection), r * (Math.abs(d) + Math.abs(mean) + Math.abs(hat * projection))];
    },
    rms(h, index, note) {
      const n = shape(h.a)[1], t = index[0];
      let mean = 0;
      for (let k = 0; k < n; k++) mean += at(h.a, [t, k]) ** 2 / n;
      const x = at(h.a, index), r = 1 / Math.sqrt(mean + h.eps);
      const w = h.w === undefined ? 1 : at(h.w, [index[1]]);
      if (note) {
        note.text(`weight · x / √(mean square + ε), with mean square ${page.format(mean)}`);
        note(x, [[h.a, index]], "x");
        if (h.w !== undefined) note(w, [[h.w, [index[1]]]], "weight");
      }
      return [w * x * r, Math.abs(w * x) * r];
    },
    norm(h, index, note) {
      const n = shape(h.a)[1], t = index[0];
      let mean = 0, variance = 0, size = 0;
      for (let k = 0; k < n; k++) mean += at(h.a, [t, k]) / n;
      for (let k = 0; k < n; k++) variance += (at(h.a, [t, k]) - mean) ** 2 / n;
      const x = at(h.a, index), r = 1 / Math.sqrt(variance + h.eps), w = at(h.w, [index[1]]);
      const b = h.b === undefined ? 0 : at(h.b, [index[1]]);
      size = (Math.abs(x) + Math.abs(mean)) * r * Math.abs(w) + Math.abs(b);
      if (note) {
        note.text(`weight · (x − mean) / √(variance + ε) + bias, with mean ${page.format(mean)} and variance ${page.format(variance)}`);
        note(x, [[h.a, index]], "x");
        note(w, [[h.w, [index[1]]]], "weight");
        if (h.b !== undefined) note(b, [[h.b, [index[1]]]], "bias");
      }
      return [w * (x - mean) * r + b, size];
    },
    gather(h, index, note) {
      const from = [h.tokens[index[0]], index[1]], value = at(h.a, from);
      if (note) {
        note.text(`row ${from[0]} of the table`);
        note(value, [[h.a, from]]);
      }
      return [value, Math.abs(value)];
    },
    scatter(h, index, note) {
      let value = 0, size = 0;
      h.tokens.forEach((token, t) => {
        if (token !== index[0]) return;
        const term = at(h.a, [t, index[1]]);
        value += term;
        size += Math.abs(term);
        if (note) note(term, [[h.a, [t, index[1]]]]);
      });
      if (note && size === 0) note.text("this row was not selected, so its gradient is zero");
      return [value, size];
    },
    heads(h, index, note) {
      const from = [index[1], h.j + index[0] * h.d + index[2]], value = at(h.a, from);
      if (note) {
        note.text("the same number in the array of all heads");
        note(value, [[h.a, from]]);
      }
      return [value, Math.abs(value)];
    },
    merge(h, index, note) {
      const width = (part) => shape(h.a[part])[0] * h.d;
      let part = 0, c = index[1];
      while (c >= width(part)) c -= width(part++);
      const from = [Math.floor(c / h.d), index[0], c % h.d], value = at(h.a[part], from);
      if (note) {
        note.text("the same number in the array of its head");
        note(value, [[h.a[part], from]]);
      }
      return [value, Math.abs(value)];
    },
    group(h, index, note) {
      const from = [Math.floor(index[0] / h.g), ...index.slice(1)], value = at(h.a, from);
      if (note) {
        note.text(`${h.g} query heads share this key-value head`);
        note(value, [[h.a, from]]);
      }
      return [value, Math.abs(value)];
    },
    group_sum(h, index, note) {
      let value = 0, size = 0;
      for (let k = 0; k < h.g; k++) {
        const from = [index[0] * h.g + k, ...index.slice(1)], term = at(h.a, from);
        value += term;
        size += Math.abs(term);
        if (note) note(term, [[h.a, from]]);
      }
      return [value, size];
    },
    cap_back(h, index, note) {
      const d = at(h.a, index), x = at(h.b, index), slope = 1 - Math.tanh(x / h.cap) ** 2;
      if (note) {
        note.text(filled`dS after the cap · (1 − tanh²(S / cap)) = ${d} · ${slope}`);
        note(d, [[h.a, index]], "dS after the cap");
        note(x, [[h.b, index]], "S before the cap");
      }
      return [d * slope, Math.abs(d)];
    },
    lse(h, index, note) {
      const n = shape(h.a)[1];
      let shift = -Infinity, total = 0;
      for (let k = 0; k < n; k++) shift = Math.max(shift, at(h.a, [index[0], k]));
      for (let k = 0; k < n; k++) {
        const term = Math.exp(at(h.a, [index[0], k]) - shift);
        total += term;
        if (note) note(term, [[h.a, [index[0], k]]], `e^(z − ${page.format(shift)})`);
      }
      if (note) note.text(filled`log Σ e^z = log(${total}) + ${shift}`);
      return [Math.log(total) + shift, Math.abs(shift) + 1];
    },
    nll(h, index, note) {
      const t = index[0], target = h.targets[t];
      if (target < 0) {
        if (note) note.text("this position does not count");
        return [0, 1];
      }
      const n = shape(h.a)[1], total = at(h.b, [t]), z = at(h.a, [t, target]);
      let value = total - (1 - h.eps) * z, size = Math.abs(total) + Math.abs(z);
      if (h.eps) for (let k = 0; k < n; k++) value -= h.eps * at(h.a, [t, k]) / n;
      if (note) {
        note.text(h.eps
          ? "log of the sum of exponentials, minus the logit of the target, with label smoothing"
          : filled`log_total − logit of the target = ${total} − ${z}`);
        note(total, [[h.b, [t]]], "log_total");
        note(-z, [[h.a, [t, target]]], "−logit of the target");
      }
      return [value, size];
    },
    "p-q"(h, index, note) {
      const [t, k] = index, target = h.targets[t], n = shape(h.a)[1];
      if (target < 0) {
        if (note) note.text("this position does not count");
        return [0, 1];
      }
      const p = at(h.a, index), q = h.eps / n + (k === target ? 1 - h.eps : 0);
      if (note) {
        note.text(filled`share of this position in the mean · (p − q) = ${h.f} · (${p} − ${q})`);
        note(p, [[h.a, index]], "p");
        note(-q, [], k === target ? "−q: this is the target" : "−q");
        note.factor(h.f);
      }
      return [h.f * (p - q), Math.abs(h.f) * (p + q)];
    },
    slope(h, index, note) {
      const x = at(h.a, index), dy = at(h.b, index);
      if (note) {
        const slope = at(h.c, index);
        note.text(filled`dy · slope of the curve at x = ${dy} · ${slope}`);
        note(dy, [[h.b, index]], "dy");
        note(slope, [[h.c, index]], "slope");
        note(x, [[h.a, index]], "x");
      }
      return [dy * CURVES[h.form](x), Math.abs(dy) * (1 + Math.abs(x))];
    },
    ahead(h, index, note) {
      const c = manifest.muon, g = at(h.a, index) * c.clip, before = at(h.b, index);
      const m = c.momentum * before + (1 - c.momentum) * g;
      if (note) {
        const f = (x) => page.format(x, 5);
        note(g, [[h.a, index]], c.clip === 1 ? "g" : `g, clipped by ${f(c.clip)}`);
        note(m, [[h.b, index]], `M = ${c.momentum} · ${f(before)} + ${f(1 - c.momentum)} · g`);
        note.text(filled`μ · M + (1 − μ) · g = ${c.momentum} · ${m} + ${1 - c.momentum} · ${g}`);
      }
      return [c.momentum * m + (1 - c.momentum) * g, Math.abs(before) + Math.abs(g)];
    },
    orthogonal(h, index, note) {
      const [first, width] = matrixOf(h.columns, index[1]);
      const iterates = newtonSchulz(h.a, first, width), place = index[0] * width + index[1] - first;
      const last = iterates.length - 1, value = iterates[last][place];
      if (note) {
        note.text(`${last} iterations X ← a · X + (b · A + c · A²) · X, with A = X · Xᵀ, over the whole matrix: X at this place`);
        iterates.forEach((x, i) => note(x[place], i ? [] : [[h.a, index]], i ? `X after ${i}` : "X: ahead, divided by the norm of its matrix"));
      }
      // The rounding errors of small singular values grow as these do, by a in each iteration.
      return [value, 1 + Math.abs(iterates[0][place]) * manifest.muon.a ** last];
    },
    muon(h, index, note) {
      const c = manifest.muon, w = at(h.a, index), o = at(h.b, index);
      const rate = h.rates[matrixOf(h.columns, index[1])[2]], decay = c.lr * c.decay * w, move = rate * o;
      if (note) {
        note(w, [[h.a, index]], "W, the value before");
        note(o, [[h.b, index]], "O");
        note(-decay, [], "−η · λ · W, the decay");
        note(-move, [], `−${page.format(rate, 5)} · O, the step`);
        note.text(filled`W − decay − step = ${w} − ${decay} − ${move}`);
      }
      return [w - decay - move, Math.abs(w) + Math.abs(decay) + Math.abs(move)];
    },
    adam(h, index, note) {
      const c = manifest.adam, w = at(h.a, index), g = at(h.b, index) * c.clip;
      const m = c.beta1 * at(h.c, index) + (1 - c.beta1) * g;
      const v = c.beta2 * at(h.d, index) + (1 - c.beta2) * g * g;
      const mHat = m / (1 - c.beta1 ** c.t), vHat = v / (1 - c.beta2 ** c.t);
      const decay = h.decays ? c.lr * c.decay * w : 0, move = c.lr * mHat / (Math.sqrt(vHat) + c.eps);
      if (note) {
        const f = (x) => page.format(x, 5);
        note(w, [[h.a, index]], "θ, the value before");
        note(g, [[h.b, index]], c.clip === 1 ? "g" : `g, clipped by ${f(c.clip)}`);
        note(m, [[h.c, index]], `m = ${c.beta1} · ${f(at(h.c, index))} + ${f(1 - c.beta1)} · g`);
        note(v, [[h.d, index]], `v = ${c.beta2} · ${f(at(h.d, index))} + ${f(1 - c.beta2)} · g²`);
        note(mHat, [], "m / (1 − β₁ᵗ)");
        note(vHat, [], "v / (1 − β₂ᵗ)");
        note(-decay, [], h.decays ? "−η · λ · θ, the decay" : "no decay");
        note(-move, [], "−η · m̂ / (√v̂ + ε), the step");
        note.text(filled`θ − decay − step = ${w} − ${decay} − ${move}`);
      }
      return [w - decay - move, Math.abs(w) + Math.abs(decay) + Math.abs(move)];
    },
  };
  for (const [name, curve] of Object.entries(CURVES)) {
    kinds[name] = (h, index, note) => {
      const x = at(h.a, index), value = curve(x);
      if (note) {
        note.text(name.endsWith("'") ? "the slope of the curve at x" : "the curve at x");
        note(x, [[h.a, index]], "x");
      }
      return [value, Math.abs(x) + Math.abs(value)];
    };
  }

  /** Value and size of the terms of one number; null if the page does not have its operands. */
  function one(v, index, note) {
    const h = page.how(v);
    return h ? kinds[h.k](h, index, note, at(v, index)) : null;
  }
  /** Difference between the computed and the stored number, relative to the size of the terms. */
  function error(computed, size, stored) {
    if (computed === stored || (Number.isNaN(computed) && Number.isNaN(stored))) return 0;
    const gap = Math.abs(computed - stored) / Math.max(size, 1e-30);
    return Number.isNaN(gap) ? Infinity : gap;
  }
  /** Recompute all cells of an array: their number, and the largest errors. */
  function all(v) {
    const stored = numbers(v);
    let worst = 0, gap = 0;
    for (let i = 0; i < stored.length; i++) {
      const [value, size] = one(v, page.unflat(v, i));
      worst = Math.max(worst, error(value, size, stored[i]));
      if (value !== stored[i] && !(Number.isNaN(value) && Number.isNaN(stored[i]))) {
        gap = Math.max(gap, Math.abs(value - stored[i]));
      }
    }
    return { n: stored.length, worst, gap };
  }
  return { one, all, error, UPDATES };
})();
