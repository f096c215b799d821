// Softmax of rows, and cross-entropy; see scratchgpt/ops/softmax.py and cross_entropy.py. One block
// per row. The maximum and the sum are found in one pass: a new maximum scales the sum so far.

__device__ void max_and_sum(const REAL *x, i64 n, REAL *largest, REAL *total)
{
    REAL m = -INFINITE, s = 0;
    for (i64 c = threadIdx.x; c < n; c += blockDim.x) {
        REAL v = x[c];
        if (v > m) {
            s = s * exp(m - v) + 1;
            m = v;
        } else if (v == v) {
            s += m == -INFINITE ? 0 : exp(v - m);
        } else {
            s = v; // NaN
            m = v;
        }
    }
    REAL all = block_max(m);
    REAL shift = all == -INFINITE ? 0 : all;
    *total = block_sum(m == -INFINITE ? 0 : s * exp(m - shift));
    *largest = all;
}

// y may be x.
extern "C" __global__ void softmax_forward(const REAL *x, REAL *y, i64 n)
{
    x += blockIdx.x * n;
    y += blockIdx.x * n;
    REAL largest, total;
    max_and_sum(x, n, &largest, &total);
    REAL shift = largest == -INFINITE ? 0 : largest; // all are masked: the result is 0
    REAL divisor = total == 0 ? 1 : total;
    for (i64 c = threadIdx.x; c < n; c += blockDim.x) y[c] = exp(x[c] - shift) / divisor;
}

// dx may be dy.
extern "C" __global__ void softmax_backward(const REAL *dy, const REAL *y, REAL *dx, i64 n)
{
    i64 start = blockIdx.x * n;
    REAL dot = 0;
    for (i64 c = threadIdx.x; c < n; c += blockDim.x) dot += dy[start + c] * y[start + c];
    REAL projection = block_sum(dot);
    for (i64 c = threadIdx.x; c < n; c += blockDim.x)
        dx[start + c] = (dy[start + c] - projection) * y[start + c];
}

// The log of the sum of the exponentials of each row of logits, and the mean of the row.
extern "C" __global__ void cross_entropy_forward(const REAL *logits, REAL *log_total, REAL *mean,
                                                 i64 n)
{
    logits += blockIdx.x * n;
    REAL largest, total, sum = 0;
    max_and_sum(logits, n, &largest, &total);
    for (i64 c = threadIdx.x; c < n; c += blockDim.x) sum += logits[c];
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        log_total[blockIdx.x] = log(total) + largest;
        mean[blockIdx.x] = sum / n;
    }
}

// dlogits may be logits.
extern "C" __global__ void cross_entropy_backward(const REAL *logits, const REAL *log_total,
                                                  const i64 *targets, const REAL *weights,
                                                  REAL smoothing, REAL *dlogits, i64 n)
{
    i64 start = blockIdx.x * n, target = targets[blockIdx.x];
    REAL shift = log_total[blockIdx.x], weight = weights[blockIdx.x], uniform = smoothing / n;
    for (i64 c = threadIdx.x; c < n; c += blockDim.x) {
        REAL q = c == target ? uniform + (1 - smoothing) : uniform;
        dlogits[start + c] = (exp(logits[start + c] - shift) - q) * weight;
    }
}
