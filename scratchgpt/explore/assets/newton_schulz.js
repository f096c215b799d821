// Newton-Schulz in double precision: the matrices from the input, divided by its norm, to the last.
const newtonSchulz = (() => {
  const { shape, at, manifest } = page;
  const made = new Map();

  /** a · b of row-major matrices (n, k) and (k, m). */
  function product(a, b, n, k, m) {
    const out = new Float64Array(n * m);
    for (let i = 0; i < n; i++) {
      for (let p = 0; p < k; p++) {
        const x = a[i * k + p];
        for (let j = 0; j < m; j++) out[i * m + j] += x * b[p * m + j];
      }
    }
    return out;
  }
  function transposed(a, n, m) {
    const out = new Float64Array(n * m);
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[j * n + i] = a[i * m + j];
    return out;
  }
  function iterates(v, first, width) {
    const c = manifest.muon, n = shape(v)[0], x = new Float64Array(n * width);
    for (let i = 0; i < n; i++) for (let j = 0; j < width; j++) x[i * width + j] = at(v, [i, first + j]);
    const norm = Math.max(Math.sqrt(x.reduce((sum, one) => sum + one * one, 0)), c.eps);
    const found = [x.map((one) => one / norm)];
    for (let k = 0; k < c.iterations; k++) {
      const now = found[k], turned = transposed(now, n, width);
      // The product with the smaller side, as in the code.
      const wide = n <= width, side = wide ? n : width;
      const gram = wide ? product(now, turned, n, width, n) : product(turned, now, width, n, width);
      const square = product(gram, gram, side, side, side);
      const factor = gram.map((one, i) => c.b * one + c.c * square[i] + (i % (side + 1) ? 0 : c.a));
      found.push(wide ? product(factor, now, n, n, width) : product(now, factor, n, width, width));
    }
    return found;
  }
  /** The matrices for one matrix of an array, row by row; they are kept. */
  return (v, first, width) => {
    const key = `${v} ${first}`;
    if (!made.has(key)) made.set(key, iterates(v, first, width));
    return made.get(key);
  };
})();
