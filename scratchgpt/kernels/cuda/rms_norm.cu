// RMS normalization; the formulas are those of scratchgpt/ops/rms_norm.py. One block per row.

extern "C" __global__ void rms_norm_forward(const REAL *x, const REAL *weight, REAL eps, REAL *y,
                                            REAL *rstd, int n)
{
    x += (i64)blockIdx.x * n;
    y += (i64)blockIdx.x * n;
    REAL squares = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) squares += x[c] * x[c];
    REAL r = 1 / sqrt(block_sum(squares) / n + eps);
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL x_hat = x[c] * r;
        y[c] = weight ? x_hat * weight[c] : x_hat;
    }
    if (threadIdx.x == 0) rstd[blockIdx.x] = r;
}

// dx, plus the gradient from the residual connection if there is one. dx may be dy.
extern "C" __global__ void rms_norm_backward(const REAL *dy, const REAL *x, const REAL *weight,
                                             const REAL *rstd, const REAL *residual, REAL *dx,
                                             int n)
{
    i64 start = (i64)blockIdx.x * n;
    REAL r = rstd[blockIdx.x], dot = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL dx_hat = weight ? dy[start + c] * weight[c] : dy[start + c];
        dot += dx_hat * (x[start + c] * r);
    }
    REAL projection = block_sum(dot) / n;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL dx_hat = weight ? dy[start + c] * weight[c] : dy[start + c];
        REAL value = (dx_hat - x[start + c] * r * projection) * r;
        dx[start + c] = residual ? value + residual[start + c] : value;
    }
}

// Sums over a part of the rows, for a column per thread: (parts, n). The caller adds the parts.
extern "C" __global__ void rms_norm_weight(const REAL *dy, const REAL *x, const REAL *rstd,
                                           REAL *dweight, i64 rows, int n)
{
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= n) return;
    i64 each = (rows + gridDim.y - 1) / gridDim.y, first = blockIdx.y * each;
    i64 last = first + each < rows ? first + each : rows;
    REAL dw = 0;
    for (i64 row = first; row < last; row++) dw += dy[row * n + c] * (x[row * n + c] * rstd[row]);
    dweight[(i64)blockIdx.y * n + c] = dw;
}
