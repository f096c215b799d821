// GELU and its gradient; the formulas are those of scratchgpt/ops/gelu.py.

#define SQRT_2_OVER_PI ((REAL)0.79788456080286535588)
#define CUBIC ((REAL)0.044715)

extern "C" __global__ void gelu_forward(const REAL *x, REAL *y, i64 n, int tanh_form)
{
    FOR_EACH(i, n) {
        REAL v = x[i];
        REAL t = tanh_form ? tanh((v * v * CUBIC + 1) * v * SQRT_2_OVER_PI)
                           : erf(v * (REAL)0.70710678118654752440);
        y[i] = (t + 1) * v * (REAL)0.5;
    }
}

extern "C" __global__ void gelu_backward(const REAL *dy, const REAL *x, REAL *dx, i64 n,
                                         int tanh_form)
{
    FOR_EACH(i, n) {
        REAL v = x[i], slope;
        if (tanh_form) {
            REAL t = tanh((v * v * CUBIC + 1) * v * SQRT_2_OVER_PI);
            REAL u_prime = v * v * (3 * CUBIC * SQRT_2_OVER_PI) + SQRT_2_OVER_PI;
            slope = (REAL)0.5 * (1 + t + (1 - t * t) * v * u_prime);
        } else {
            REAL cdf = (erf(v * (REAL)0.70710678118654752440) + 1) * (REAL)0.5;
            REAL density = exp(v * v * (REAL)-0.5) * (REAL)0.39894228040143267794;
            slope = cdf + v * density;
        }
        dx[i] = dy[i] * slope;
    }
}
