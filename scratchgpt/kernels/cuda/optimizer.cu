// AdamW in one pass, and the sum of squares; see scratchgpt/optim/adamw.py and clip.py.

extern "C" __global__ void adamw_step(REAL *values, const REAL *grads, REAL *exp_avg,
                                      REAL *exp_avg_sq, i64 n, i64 n_decay, REAL beta1, REAL beta2,
                                      REAL gain1, REAL gain2, REAL keep, REAL step_size, REAL eps)
{
    FOR_EACH(i, n) {
        REAL g = grads[i];
        REAL m = exp_avg[i] * beta1 + g * gain1;
        REAL scaled = g * gain2;
        REAL v = exp_avg_sq[i] * beta2 + scaled * scaled;
        exp_avg[i] = m;
        exp_avg_sq[i] = v;
        REAL value = i < n_decay ? values[i] * keep : values[i];
        values[i] = value - m / (sqrt(v) + eps) * step_size;
    }
}

// One sum per block, in float64 for any REAL. The caller adds the sums.
extern "C" __global__ void sum_of_squares(const REAL *x, double *sums, i64 n)
{
    __shared__ double values[THREADS];
    double sum = 0;
    FOR_EACH(i, n) sum += (double)x[i] * (double)x[i];
    values[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) sums[blockIdx.x] = values[0];
}
