// Layer normalization; the formulas are those of scratchgpt/ops/layer_norm.py. One block per row.

extern "C" __global__ void layer_norm_forward(const REAL *x, const REAL *weight, const REAL *bias,
                                              REAL eps, REAL *y, REAL *mean, REAL *rstd, int n)
{
    x += (i64)blockIdx.x * n;
    y += (i64)blockIdx.x * n;
    REAL sum = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) sum += x[c];
    REAL mu = block_sum(sum) / n;
    REAL squares = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL centered = x[c] - mu;
        squares += centered * centered;
    }
    REAL r = 1 / sqrt(block_sum(squares) / n + eps);
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL value = (x[c] - mu) * r * weight[c];
        y[c] = bias ? value + bias[c] : value;
    }
    if (threadIdx.x == 0) {
        mean[blockIdx.x] = mu;
        rstd[blockIdx.x] = r;
    }
}

// dx, plus the gradient from the residual connection if there is one. dx may be dy.
extern "C" __global__ void layer_norm_backward(const REAL *dy, const REAL *x, const REAL *weight,
                                               const REAL *mean, const REAL *rstd,
                                               const REAL *residual, REAL *dx, int n)
{
    i64 start = (i64)blockIdx.x * n;
    REAL mu = mean[blockIdx.x], r = rstd[blockIdx.x];
    REAL sum = 0, dot = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL dx_hat = dy[start + c] * weight[c];
        sum += dx_hat;
        dot += dx_hat * ((x[start + c] - mu) * r);
    }
    REAL average = block_sum(sum) / n, projection = block_sum(dot) / n;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        REAL x_hat = (x[start + c] - mu) * r;
        REAL value = (dy[start + c] * weight[c] - average - x_hat * projection) * r;
        dx[start + c] = residual ? value + residual[start + c] : value;
    }
}

// Sums over a part of the rows, for a column per thread: (parts, n) each. The caller adds the parts.
extern "C" __global__ void layer_norm_parameters(const REAL *dy, const REAL *x, const REAL *mean,
                                                 const REAL *rstd, REAL *dweight, REAL *dbias,
                                                 i64 rows, int n)
{
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= n) return;
    i64 each = (rows + gridDim.y - 1) / gridDim.y, first = blockIdx.y * each;
    i64 last = first + each < rows ? first + each : rows;
    REAL dw = 0, db = 0;
    for (i64 row = first; row < last; row++) {
        REAL upstream = dy[row * n + c];
        dw += upstream * ((x[row * n + c] - mean[row]) * rstd[row]);
        db += upstream;
    }
    dweight[(i64)blockIdx.y * n + c] = dw;
    dbias[(i64)blockIdx.y * n + c] = db;
}
