"""A GPT on one page: forward, backward, AdamW, training, sampling. It needs only NumPy.

    python one_page.py shakespeare.txt

Each operation is a pair. The forward returns its output and what its backward needs.
The backward takes the gradient of the output and returns the gradients of the inputs:
it is the forward from bottom to top. dx is the gradient of the loss with respect to x,
and has the shape of x. The comments give shapes: B texts, T positions, C channels,
H heads, D = C / H, F = 4C, V different characters.
"""

import math
import sys
from pathlib import Path

import numpy as np

N_LAYER, N_HEAD, N_EMBD, BLOCK_SIZE = 4, 4, 128, 64           # L, H, C, largest T
BATCH_SIZE, N_STEPS, MAX_LR, WARMUP = 16, 2000, 2e-3, 100

# ---- Operations ----------------------------------------------------------------------
def linear(x, weight, bias):                                  # (B, T, I), (I, O), (O,)
    return x @ weight + bias, (x, weight)                     # (B, T, O)

def linear_backward(dy, saved):                               # (B, T, O)
    x, weight = saved
    dx = dy @ weight.T                                        # (B, T, I)
    dweight = np.tensordot(x, dy, ((0, 1), (0, 1)))  # (I, O): a sum over (B, T)
    dbias = dy.sum(axis=(0, 1))                               # (O,)
    return dx, dweight, dbias

def layer_norm(x, weight, bias):                              # (B, T, C), (C,), (C,)
    mean = x.mean(axis=-1, keepdims=True)                     # (B, T, 1)
    rstd = (x.var(axis=-1, keepdims=True) + 1e-5) ** -0.5     # (B, T, 1)
    x_hat = (x - mean) * rstd                                 # (B, T, C)
    return x_hat * weight + bias, (x_hat, rstd, weight)       # (B, T, C)

def layer_norm_backward(dy, saved):                           # (B, T, C)
    x_hat, rstd, weight = saved
    dweight = (dy * x_hat).sum(axis=(0, 1))                   # (C,)
    dbias = dy.sum(axis=(0, 1))                               # (C,)
    dx_hat = dy * weight                                      # (B, T, C)
    mean = dx_hat.mean(axis=-1, keepdims=True)                # (B, T, 1)
    projection = (dx_hat * x_hat).mean(axis=-1, keepdims=True)  # (B, T, 1)
    dx = (dx_hat - mean - x_hat * projection) * rstd          # (B, T, C)
    return dx, dweight, dbias

def gelu(x):                                                  # (B, T, F)
    t = np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))  # (B, T, F)
    return 0.5 * x * (1 + t), (x, t)                          # (B, T, F)

def gelu_backward(dy, saved):                                 # (B, T, F)
    x, t = saved
    du = (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * x * x)      # (B, T, F)
    return dy * 0.5 * (1 + t + x * (1 - t * t) * du)          # (B, T, F)

def softmax(x):                                               # (..., N)
    e = np.exp(x - x.max(axis=-1, keepdims=True))             # (..., N)
    return e / e.sum(axis=-1, keepdims=True)                  # (..., N)

def attention(qkv):                                           # (B, T, 3C)
    B, T, _ = qkv.shape
    heads = qkv.reshape(B, T, 3, N_HEAD, -1)                  # (B, T, 3, H, D)
    q, k, v = heads.transpose(2, 0, 3, 1, 4)                  # (B, H, T, D) each
    S = q @ k.mT / q.shape[-1] ** 0.5                         # (B, H, T, T)
    S[..., ~np.tri(T, dtype=bool)] = -np.inf                  # the future is hidden
    P = softmax(S)                                            # (B, H, T, T)
    y = P @ v                                                 # (B, H, T, D)
    return y.swapaxes(1, 2).reshape(B, T, -1), (q, k, v, P)   # (B, T, C)

def attention_backward(dy, saved):                            # (B, T, C)
    q, k, v, P = saved
    B, H, T, D = q.shape
    dy = dy.reshape(B, T, H, D).swapaxes(1, 2)                # (B, H, T, D)
    dv = P.mT @ dy                                            # (B, H, T, D)
    dP = dy @ v.mT                                            # (B, H, T, T)
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True)) / D**0.5  # (B, H, T, T)
    dq = dS @ k                                               # (B, H, T, D)
    dk = dS.mT @ q                                            # (B, H, T, D)
    dheads = np.stack([dq, dk, dv]).transpose(1, 3, 0, 2, 4)  # (B, T, 3, H, D)
    return dheads.reshape(B, T, -1)                           # (B, T, 3C)

def cross_entropy(logits, targets):                           # (B, T, V), (B, T)
    probs = softmax(logits)                                   # (B, T, V)
    chosen = np.take_along_axis(probs, targets[..., None], axis=-1)  # (B, T, 1)
    return -np.log(chosen).mean(), (probs, targets)           # one number

def cross_entropy_backward(saved):
    probs, targets = saved
    truth = np.eye(probs.shape[-1], dtype=probs.dtype)[targets]  # (B, T, V)
    return (probs - truth) / targets.size                     # (B, T, V)

# ---- The model: parameters p and gradients g have the names of GPT-2's checkpoints ---
def block(x, p, h):                                           # (B, T, C)
    n, ln_1 = layer_norm(x, *p[h + "ln_1"])                   # (B, T, C)
    qkv, c_attn = linear(n, *p[h + "attn.c_attn"])            # (B, T, 3C)
    a, attn = attention(qkv)                                  # (B, T, C)
    a, attn_proj = linear(a, *p[h + "attn.c_proj"])           # (B, T, C)
    mid = x + a                                               # (B, T, C)
    n, ln_2 = layer_norm(mid, *p[h + "ln_2"])                 # (B, T, C)
    f, c_fc = linear(n, *p[h + "mlp.c_fc"])                   # (B, T, F)
    f, act = gelu(f)                                          # (B, T, F)
    m, mlp_proj = linear(f, *p[h + "mlp.c_proj"])             # (B, T, C)
    return mid + m, (ln_1, c_attn, attn, attn_proj, ln_2, c_fc, act, mlp_proj)

def block_backward(dy, saved, g, h):                          # (B, T, C)
    ln_1, c_attn, attn, attn_proj, ln_2, c_fc, act, mlp_proj = saved
    df, *g[h + "mlp.c_proj"] = linear_backward(dy, mlp_proj)  # (B, T, F)
    df = gelu_backward(df, act)                               # (B, T, F)
    dn, *g[h + "mlp.c_fc"] = linear_backward(df, c_fc)        # (B, T, C)
    dmid, *g[h + "ln_2"] = layer_norm_backward(dn, ln_2)      # (B, T, C)
    dmid += dy                                                # mid is used twice
    da, *g[h + "attn.c_proj"] = linear_backward(dmid, attn_proj)  # (B, T, C)
    dqkv = attention_backward(da, attn)                       # (B, T, 3C)
    dn, *g[h + "attn.c_attn"] = linear_backward(dqkv, c_attn)  # (B, T, C)
    dx, *g[h + "ln_1"] = layer_norm_backward(dn, ln_1)        # (B, T, C)
    return dx + dmid                                          # and so is x

def gpt(tokens, p):                                           # (B, T)
    x = p["wte"][0][tokens] + p["wpe"][0][: tokens.shape[1]]  # (B, T, C)
    blocks = []
    for i in range(N_LAYER):
        x, saved = block(x, p, f"h.{i}.")                     # (B, T, C)
        blocks.append(saved)
    x, ln_f = layer_norm(x, *p["ln_f"])                       # (B, T, C)
    return x @ p["wte"][0].T, (tokens, blocks, ln_f, x)       # (B, T, V): wte again

def gpt_backward(dlogits, saved, p):                          # (B, T, V)
    tokens, blocks, ln_f, x = saved
    g = {"wte": [np.tensordot(dlogits, x, ((0, 1), (0, 1)))]}  # (V, C): as the head
    dx, *g["ln_f"] = layer_norm_backward(dlogits @ p["wte"][0], ln_f)  # (B, T, C)
    for i in reversed(range(N_LAYER)):
        dx = block_backward(dx, blocks[i], g, f"h.{i}.")      # (B, T, C)
    np.add.at(g["wte"][0], tokens, dx)                        # (V, C): and as the table
    dwpe = np.zeros_like(p["wpe"][0])                         # 0 after the text
    dwpe[: tokens.shape[1]] = dx.sum(axis=0)                  # (T, C)
    return g | {"wpe": [dwpe]}

def new_parameters(V, rng, dtype=np.float32):
    C, small = N_EMBD, 0.02 / (2 * N_LAYER) ** 0.5  # small: for maps that add to x
    maps = {"attn.c_attn": (C, 3 * C, 0.02), "attn.c_proj": (C, C, small),
            "mlp.c_fc": (C, 4 * C, 0.02), "mlp.c_proj": (4 * C, C, small)}
    p = {"wte": [rng.normal(0, 0.02, (V, C))]}
    p["wpe"] = [rng.normal(0, 0.02, (BLOCK_SIZE, C))]
    for h in [f"h.{i}." for i in range(N_LAYER)]:
        for name, (n_in, n_out, std) in maps.items():
            p[h + name] = [rng.normal(0, std, (n_in, n_out)), np.zeros(n_out)]
        p[h + "ln_1"], p[h + "ln_2"] = ([np.ones(C), np.zeros(C)] for _ in range(2))
    p["ln_f"] = [np.ones(C), np.zeros(C)]
    return {name: [x.astype(dtype) for x in arrays] for name, arrays in p.items()}

# ---- Training ------------------------------------------------------------------------
def adamw(p, g, m, v, step, lr, beta1=0.9, beta2=0.99, decay=0.1, max_norm=1.0):
    norm = sum((d * d).sum() for arrays in g.values() for d in arrays) ** 0.5
    clip = min(1, max_norm / (norm + 1e-6))
    for name in p:
        for w, dw, m_w, v_w in zip(p[name], g[name], m[name], v[name], strict=True):
            m_w += (1 - beta1) * (clip * dw - m_w)
            v_w += (1 - beta2) * ((clip * dw) ** 2 - v_w)
            if w.ndim == 2:  # matrices decay; biases and layer norms do not
                w *= 1 - lr * decay
            rms = (v_w / (1 - beta2**step)) ** 0.5
            w -= lr * m_w / (1 - beta1**step) / (rms + 1e-8)

def batch(data, rng):
    starts = rng.integers(len(data) - BLOCK_SIZE, size=(BATCH_SIZE, 1))  # (B, 1)
    windows = data[starts + np.arange(BLOCK_SIZE + 1)]        # (B, T + 1)
    return windows[:, :-1], windows[:, 1:]  # (B, T) each: predict the next token

def loss_on(p, data):
    rng = np.random.default_rng(0)  # the same batches at each call
    batches = [batch(data, rng) for _ in range(20)]
    return np.mean([cross_entropy(gpt(x, p)[0], y)[0] for x, y in batches])

def train(p, data, held_out, rng):
    m, v = ({name: [0 * w for w in arrays] for name, arrays in p.items()} for _ in "mv")
    for step in range(1, N_STEPS + 1):
        tokens, targets = batch(data, rng)                    # (B, T) each
        logits, saved = gpt(tokens, p)                        # (B, T, V)
        loss, loss_saved = cross_entropy(logits, targets)
        g = gpt_backward(cross_entropy_backward(loss_saved), saved, p)
        cosine = 0.55 + 0.45 * math.cos(math.pi * step / N_STEPS)  # from 1 down to 0.1
        adamw(p, g, m, v, step, lr=MAX_LR * min(cosine, step / WARMUP))
        if step % 100 == 0:
            print(f"{step:5}: {loss:.3f}, on held-out text {loss_on(p, held_out):.3f}")

def sample(p, tokens, n_new, rng, temperature=0.8):
    for _ in range(n_new):
        logits, _ = gpt(np.array([tokens[-BLOCK_SIZE:]]), p)  # (1, T, V)
        probs = softmax(logits[0, -1].astype(float) / temperature)  # (V,)
        tokens = [*tokens, int(rng.choice(len(probs), p=probs))]
    return tokens

if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    characters, rng = sorted(set(text)), np.random.default_rng(0)
    data = np.searchsorted(characters, list(text))  # each character becomes its number
    p, n = new_parameters(len(characters), rng), len(data) * 9 // 10  # train on 90 %
    train(p, data[:n], data[n:], rng)
    print("".join(characters[i] for i in sample(p, [int(data[0])], 500, rng)))
