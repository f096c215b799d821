"""Loss and all gradients against the three classes of transformers, in float64."""

import numpy as np
import pytest

from scratchgpt.finetuning import FineTuning
from scratchgpt.models.families import their_arrays, their_name

GPT1 = {"norm_position": "post"}
GPT2 = {"norm_position": "pre"}


def peer(transformers, kind, model):
    """Make the same model in transformers; return it and its parameters by our names."""
    c = model.config
    sizes = {"n_layer": c.n_layer, "n_head": c.n_head, "n_embd": c.n_embd}
    sizes |= {"n_positions": c.block_size, "vocab_size": c.vocab_size, "pad_token_id": None}
    own = transformers.OpenAIGPTConfig if "OpenAI" in kind else transformers.GPT2Config
    config = own(**sizes, num_labels=c.n_outputs)
    other = getattr(transformers, kind)(config).double().eval()
    parameters = {}
    model_type = config.model_type
    our_names = {
        theirs: ours
        for ours, x in model.arrays().items()
        for theirs in their_arrays({ours: x}, c, model_type)
    }
    for name, tensor in other.named_parameters():
        if name.startswith("score."):
            ours = name.replace("score", "classifier")
        elif name.startswith("multiple_choice_head.summary."):
            ours = name.replace("multiple_choice_head.summary", "classifier")
        else:
            ours = our_names[their_name(name, model_type)]
        parameters[ours] = tensor
        value = model.arrays()[ours]
        tensor.data.copy_(tensor.new_tensor(value.T if ours == "classifier.weight" else value))
    return other, parameters


def compare(model, saved, objective, parameters, assert_close):
    objective.loss_backward(1.0, saved)
    for name, tensor in parameters.items():
        grad = tensor.grad.numpy()
        ours = model.store.named[name].grad
        assert_close(ours, grad.T if name == "classifier.weight" else grad, 1e-10, name)


def test_the_double_heads_model_has_the_same_losses_and_gradients(
    torch, transformers, make_model, make_batch, assert_close
):
    model = make_model("choice", **GPT1)
    batch = make_batch(model, lengths=7)  # its mean over all tokens is then that of the paper
    other, parameters = peer(transformers, "OpenAIGPTDoubleHeadsModel", model)
    tokens, ends, targets = (torch.tensor(x) for x in (batch.tokens, batch.lengths - 1, batch[2]))
    result = other(tokens, mc_token_ids=ends, labels=tokens, mc_labels=targets)
    expected = result.mc_loss + 0.5 * result.loss
    expected.backward()

    objective = FineTuning(model)
    loss, saved = objective.loss(batch)
    assert_close(loss, expected.item(), 1e-10, "loss")
    compare(model, saved, objective, parameters, assert_close)
    assert set(parameters) == set(model.store.named)


def test_sequences_of_different_lengths_have_the_mean_of_the_published_code(
    torch, transformers, make_model, make_batch, assert_close
):
    model = make_model("choice", **GPT1)
    batch = make_batch(model)
    other, parameters = peer(transformers, "OpenAIGPTDoubleHeadsModel", model)
    tokens, ends, targets = (torch.tensor(x) for x in (batch.tokens, batch.lengths - 1, batch[2]))
    result = other(tokens, mc_token_ids=ends, mc_labels=targets)
    losses = torch.nn.functional.cross_entropy(
        result.logits[:, :, :-1].flatten(0, 2), tokens[:, :, 1:].flatten(), reduction="none"
    ).reshape(*ends.shape, -1)
    mask = torch.arange(losses.shape[-1]) < ends[..., None]
    per_row = (losses * mask).sum(-1) / mask.sum(-1)  # train.py, lm_losses
    expected = result.mc_loss + 0.5 * per_row.mean()
    expected.backward()

    objective = FineTuning(model)
    loss, saved = objective.loss(batch)
    assert_close(loss, expected.item(), 1e-10, "loss")
    compare(model, saved, objective, parameters, assert_close)


@pytest.mark.parametrize("problem", ["classification", "entailment", "score"])
@pytest.mark.parametrize(
    ("kind", "form"),
    [("OpenAIGPTForSequenceClassification", GPT1), ("GPT2ForSequenceClassification", GPT2)],
)
def test_sequence_classification_has_the_same_loss_and_gradients(
    torch, transformers, problem, kind, form, make_model, make_batch, assert_close
):
    is_score = problem == "score"
    model = make_model("similarity" if is_score else problem, lm_weight=0.0, **form)
    model.classifier.bias.value[...] = 0  # theirs has none
    batch = make_batch(model)
    if is_score:  # one order, as they read it
        batch = batch._replace(tokens=batch.tokens[:, :1], lengths=batch.lengths[:, :1])
    other, parameters = peer(transformers, kind, model)
    other.config.pad_token_id = pad = model.config.special_tokens[0]
    real = np.arange(batch.tokens.shape[2]) < batch.lengths[..., None]
    tokens = np.where(real, batch.tokens % pad, pad)
    result = other(torch.tensor(tokens[:, 0]), labels=torch.tensor(batch.targets))
    result.loss.backward()

    objective = FineTuning(model)
    loss, saved = objective.loss(batch._replace(tokens=tokens))
    assert_close(loss, result.loss.item(), 1e-10, "loss")
    logits, _ = model.forward(tokens, batch.lengths, language_model=False)
    assert_close(logits.logits, result.logits.detach().numpy(), 1e-10, "logits")
    compare(model, saved, objective, parameters, assert_close)
