// Dropout with the mask of scratchgpt/ops/dropout.py: splitmix64 of the seed and the element.

extern "C" __global__ void dropout(const REAL *x, REAL *y, i64 n, u64 threshold, u64 seed,
                                   REAL scale)
{
    FOR_EACH(i, n) {
        u64 bits = (u64)(i / 2 + 1) * 0x9E3779B97F4A7C15ULL + seed;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ULL;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBULL;
        bits ^= bits >> 31;
        u64 half = i % 2 ? bits >> 32 : bits & 0xFFFFFFFFULL;
        REAL keep = half >= threshold ? 1 : 0;
        y[i] = x[i] * keep * scale; // as the reference: NaN times 0 is NaN
    }
}
