"""The text of the cards, written once for each operation."""

from typing import NamedTuple


class Words(NamedTuple):
    """What a card says.

    Attributes
    ----------
    title : str
    forward, backward : str
        One or two sentences about each direction.
    saved : str
        Why this is saved and nothing else.
    page : str
        The page of the docs, without its ending.
    """

    title: str
    forward: str
    backward: str
    saved: str
    page: str


WORDS = {
    "attention": Words(
        "Attention",
        "Each query is compared with all keys it may attend to. The scores S become weights P, "
        "and the output is the average of the values with these weights.",
        "A value receives gradient from each query that attended to it. The gradient of a score "
        "is its weight times the difference between dP and the average of dP: more weight on a "
        "key helps only if that key is better than the average.",
        "Two products need the factors q, k and v again. The softmax is undone with its result P "
        "alone, so the scores S are overwritten. A mask is not kept: a masked key has P = 0, so "
        "its dS is 0.",
        "ops/attention",
    ),
    "cross_entropy": Words(
        "Cross-entropy",
        "The loss of a position is minus the log of the probability that the model gives to the "
        "token that comes next. The loss of the step is the mean over the positions that count.",
        "The gradient of the logits is the difference of two distributions: what the model "
        "predicted, minus what came. It is negative at the target and positive elsewhere.",
        "p is cheap to compute from the logits and one number per row, the log of the sum of "
        "exponentials. So p, an array as large as the logits, is not saved.",
        "ops/cross_entropy",
    ),
    "dropout": Words(
        "Dropout",
        "Each element is set to zero with probability p. The others are divided by 1 - p, so the "
        "expected value does not change.",
        "The same mask and the same factor: a dropped element has no effect, so it gets no "
        "gradient.",
        "Nothing but a seed. The mask is a function of the seed, so the backward pass computes it "
        "a second time.",
        "ops/dropout",
    ),
    "embedding": Words(
        "Embedding",
        "Each token selects one row of the table.",
        "A row that was selected several times gets the sum of the gradients of all its places. A "
        "row that was not selected gets zero.",
        "The indices. The gradient does not depend on the values in the table.",
        "ops/embedding",
    ),
    "gated_product": Words(
        "Gated product",
        "The map before it computes two numbers for each channel. One of them, the gate, goes "
        "through an activation and multiplies the other.",
        "Each factor of a product gets the gradient times the other factor. That of the gate is "
        "also multiplied by the slope of the activation.",
        "x, with both factors. The activated gate is a function of x, so it is computed a second "
        "time.",
        "ops/gated_product",
    ),
    "gelu": Words(
        "GELU",
        "A smooth switch for each number: large inputs pass, negative ones are cut off to almost "
        "zero.",
        "Each gradient is multiplied by the slope of the curve at the input.",
        "The input x. The slope is a function of x, and so is y: the backward pass of the MLP "
        "computes y a second time instead of keeping it.",
        "ops/gelu",
    ),
    "layer_norm": Words(
        "Layer norm",
        "Each row is shifted to mean 0 and scaled to variance 1. Then each channel is scaled and "
        "shifted by two parameters.",
        "The mean and the variance depend on all channels of a row. So two averages are "
        "subtracted from the gradient: its component along the constant vector, and its component "
        "along x_hat. Changes in these two directions do not change the output.",
        "x and two numbers per row. x_hat is a subtraction and a product away, so it is computed "
        "a second time.",
        "ops/layer_norm",
    ),
    "linear": Words(
        "Linear",
        "A weighted sum of the input channels for each output channel.",
        "Three products: the gradient of x goes back through the transposed weight, the gradient "
        "of the weight is a sum over all rows of input times gradient, and the bias gets the sum "
        "of the gradients.",
        "The gradient of the weight needs x. No gradient needs y. The weight is a parameter, "
        "which is in memory anyway.",
        "ops/linear",
    ),
    "relu": Words(
        "ReLU",
        "Negative numbers become 0, the others pass.",
        "A gradient passes where the input passed, and is 0 elsewhere.",
        "The input x, whose sign decides.",
        "ops/relu",
    ),
    "relu_squared": Words(
        "ReLU squared",
        "Negative numbers become 0, the others are squared.",
        "The slope is twice the output of a ReLU: 0 where the input was negative, and without a "
        "jump at 0.",
        "The input x. The slope is a function of it.",
        "ops/relu_squared",
    ),
    "residual": Words(
        "Residual",
        "The output of the branch is added to the residual stream.",
        "Both inputs of a sum get the gradient of the sum, unchanged. No operation runs: the same "
        "array goes into the branch and past it. Where the stream came from, the two gradients "
        "are added.",
        "Nothing. The derivative of a sum does not depend on its terms.",
        "ops/residual",
    ),
    "rms_norm": Words(
        "RMS norm",
        "Each row is divided by the root of its mean square. Then each channel is scaled by a "
        "parameter, if the norm has one. Unlike a layer norm, it subtracts no mean.",
        "The mean square depends on all channels of a row. So one average is subtracted from the "
        "gradient: its component along x_hat. A change in this direction does not change the "
        "output.",
        "x and one number per row. x_hat is one product away, so it is computed a second time.",
        "ops/rms_norm",
    ),
    "rotary": Words(
        "Rotary positions",
        "Each pair of channels is turned by an angle that grows with the position. The product "
        "of a query and a key then depends on the distance between them.",
        "The rotation by the opposite angle: the transpose of a rotation is its inverse.",
        "The cosines and sines, which all blocks share. The rotation is linear, so x is not "
        "needed.",
        "ops/rotary",
    ),
    "silu": Words(
        "SiLU",
        "A smooth switch for each number, x times the sigmoid of x: large inputs pass, very "
        "negative ones become almost zero.",
        "Each gradient is multiplied by the slope of the curve at the input.",
        "The input x. The slope is a function of x.",
        "ops/silu",
    ),
    "soft_cap": Words(
        "Soft cap",
        "Small numbers hardly change; large ones approach a limit. So no logit gets far away "
        "from the others.",
        "Each gradient is multiplied by the slope, which falls to 0 near the limit.",
        "The output y: the slope is a function of it.",
        "ops/soft_cap",
    ),
    "sum": Words(
        "Sum",
        "Two arrays are added.",
        "Each term of a sum gets the gradient of the sum, unchanged.",
        "Nothing. The derivative of a sum does not depend on its terms.",
        "ops/residual",
    ),
}

# Other words for the same operation, by the last part of the id of a card.
OF_CARDS = {
    "c_attn": "One linear map computes queries, keys and values of all heads.",
    "c_q": "The queries, from the text of the decoder.",
    "c_kv": "Keys and values, from the output of the encoder.",
    "c_fc": "The first map of the feed-forward network, from C to F channels.",
    "attn.c_proj": "The outputs of all heads are mixed.",
    "cross.c_proj": "The outputs of all heads are mixed.",
    "mlp.c_proj": "The second map of the feed-forward network, back from F to C channels. Its "
    "input is not saved: it is the y of the activation before it.",
    "lm_head": "The logits: how well each row of the table matches the final state.",
    "wte": "The row of each token.",
    "wpe": "The row of each position.",
    "memory": "The output of the encoder. Every block of the decoder reads it, so its gradient is "
    "a sum over these blocks.",
}

# Formulas of the other sections of the page.
TEX_CLIP = r"\hat g = g \cdot \min\left( 1, \frac{c}{\|g\|} \right)"
TEX_M = r"m \leftarrow \beta_1 m + (1 - \beta_1) \, \hat g"
TEX_V = r"v \leftarrow \beta_2 v + (1 - \beta_2) \, \hat g^2"
TEX_UPDATE = (
    r"\theta \leftarrow (1 - \eta \lambda) \, \theta - \eta \, "
    r"\frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}"
)
TEX_MOMENTUM = r"M \leftarrow \mu M + (1 - \mu) \, \hat g"
TEX_AHEAD = r"M_\text{ahead} = \mu M + (1 - \mu) \, \hat g"
TEX_DIVIDED = r"X = M_\text{ahead} / \|M_\text{ahead}\|"
TEX_ITERATION = r"X \leftarrow \bigl( a I + b \, X X^\top + c \, (X X^\top)^2 \bigr) X"
TEX_MUON = r"W \leftarrow (1 - \eta \lambda) \, W - \alpha \, \eta \, O"
TEX_FAN_OUT = r"dx = d\text{past} + d\text{through}"
TEX_LENS = r"\text{lens}_{tv} = \sum_c \mathrm{norm}(x_t)_c \, W_{vc}"
TEX_GRADIENT_LENS = r"-\sum_c dx_{tc} \, W_{vc}"
TEX_TANGENT = r"L(w + \delta) \approx L(w) + g \, \delta"
TEX = (
    TEX_CLIP,
    TEX_M,
    TEX_V,
    TEX_UPDATE,
    TEX_MOMENTUM,
    TEX_AHEAD,
    TEX_DIVIDED,
    TEX_ITERATION,
    TEX_MUON,
    TEX_FAN_OUT,
    TEX_LENS,
    TEX_GRADIENT_LENS,
    TEX_TANGENT,
)
