// Prepended to the sources. The compiler gets -DREAL=float or double, and -DTHREADS=..., the number
// of threads of every block, a power of two. Nothing is included, because NVRTC has no headers.

typedef unsigned long long u64;
typedef long long i64;

#define INFINITE ((REAL)(1e300 * 1e300))

// Element i of a grid that strides over n elements.
#define FOR_EACH(i, n)                                                                  \
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                   \
         i += (i64)gridDim.x * blockDim.x)

// The sum of one value per thread of the block, for all threads. The order is fixed: a tree.
__device__ REAL block_sum(REAL value)
{
    __shared__ REAL values[THREADS];
    __syncthreads(); // the values of the last call have been read
    values[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
        __syncthreads();
    }
    return values[0];
}

__device__ REAL block_max(REAL value)
{
    __shared__ REAL values[THREADS];
    __syncthreads();
    values[threadIdx.x] = value;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            REAL a = values[threadIdx.x], b = values[threadIdx.x + half];
            values[threadIdx.x] = (a > b || a != a) ? a : b; // NaN stays
        }
        __syncthreads();
    }
    return values[0];
}
