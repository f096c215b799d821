// The gradient of an embedding: rows of dy are added to the rows of their tokens, in the order of
// the positions, so that the result does not depend on which thread comes first. `order` sorts the
// tokens. A block adds all rows of one token.

extern "C" __global__ void embedding_backward(const i64 *tokens, const i64 *order, const REAL *dy,
                                              REAL *dweight, i64 n, i64 n_channels)
{
    i64 first = blockIdx.x, token = tokens[order[first]];
    if (first > 0 && tokens[order[first - 1]] == token) return; // another block adds this token
    for (i64 c = threadIdx.x; c < n_channels; c += blockDim.x) {
        REAL sum = dweight[token * n_channels + c];
        for (i64 i = first; i < n && tokens[order[i]] == token; i++)
            sum += dy[order[i] * n_channels + c];
        dweight[token * n_channels + c] = sum;
    }
}
