"""Small tokenizers with the published settings of each family, made with ``tokenizers``.

The settings are those of the ``tokenizer.json`` of the model that is named. Only the vocabulary is
small, because it is trained on TEXT.
"""

import json
import re

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXT = [
    "The user asks: what's 12 + 345 = ?\nThe assistant answers, it's 357.\n\n",
    "  def f(x):\n\treturn x * 2  # twice\n",
    "Où est le café? Ça va. Straße, naïve, fiancée. We'LL see, I'M here.\n",
    "system user assistant think You are a helpful assistant named SmolLM",
    "<|user|> [INST] x [/INST]",
    "<<SYS>> Today Date: 26 Jul 2024 Cutting Knowledge Date: December 2023 日本語 日本",
] * 4

_REST = r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*"
_REST += r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)" + _REST.replace("DIGITS", "{1,3}")
_QWEN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)" + _REST.replace("DIGITS", "")
_NANOCHAT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
_NEMO = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def _split(pattern):
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)
    return pre_tokenizers.Sequence([split, level])


def _byte_level(pre_tokenizer, special, *, text=(), normalizer=None, start=None, **model):
    """Train byte-level BPE; ``text`` are added tokens that are not special."""
    backend = Tokenizer(models.BPE(**model))
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.ByteLevel()
    if normalizer:
        backend.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    backend.train_from_iterator(TEXT, trainer)
    backend.add_special_tokens(special)
    backend.add_tokens(list(text))
    if start:
        level = processors.ByteLevel(trim_offsets=False)
        template = processors.TemplateProcessing(
            single=f"{start} $A", special_tokens=[(start, backend.token_to_id(start))]
        )
        backend.post_processor = processors.Sequence([level, template])
    return backend


def _byte_fallback(names=(), metaspace=None, split=False):
    """Train BPE of characters, and arrange its vocabulary as SentencePiece does."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()  # so that no token has a space inside
    trainer = trainers.BpeTrainer(vocab_size=330, show_progress=False, special_tokens=[])
    text = [re.sub("[日本ß\n\t]", " ", text) for text in TEXT]  # these become bytes, as in Llama 2
    trained.train_from_iterator(text, trainer)
    model = json.loads(trained.to_str())["model"]
    specials = ["<unk>", "<s>", "</s>", *names]
    order = [*specials, *(f"<0x{byte:02X}>" for byte in range(256))]
    order += [*sorted(model["vocab"], key=model["vocab"].get), "▁▁"]
    settings = {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    vocab = {name: token for token, name in enumerate(order)}
    merges = [*map(tuple, model["merges"]), ("▁", "▁")]
    backend = Tokenizer(models.BPE(vocab=vocab, merges=merges, **settings))
    if metaspace is None:
        steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        backend.normalizer = normalizers.Sequence(steps)
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=metaspace, split=split)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)]
    )
    backend.add_special_tokens(specials)
    return backend


LLAMA3 = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"]
LLAMA3 += ["<|eot_id|>"]
NANOCHAT = ["<|bos|>", "<|user_start|>", "<|user_end|>", "<|assistant_start|>"]
NANOCHAT += ["<|assistant_end|>", "<|python_start|>", "<|python_end|>"]
_DIGITS = pre_tokenizers.Digits(individual_digits=True)
_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
MAKERS = {
    "Llama-3-8B": lambda: _byte_level(
        _split(_LLAMA3), LLAMA3, start="<|begin_of_text|>", ignore_merges=True
    ),
    "Llama-3.1-8B": lambda: _byte_level(
        _split(_LLAMA3), [*LLAMA3, "<|eom_id|>"], start="<|begin_of_text|>", ignore_merges=True
    ),
    "Qwen2-0.5B": lambda: _byte_level(_split(_QWEN), CHATML, normalizer=normalizers.NFC()),
    "Qwen2.5-0.5B": lambda: _byte_level(
        _split(_QWEN), CHATML, text=["<tool_call>"], normalizer=normalizers.NFC()
    ),
    "Qwen3-0.6B": lambda: _byte_level(
        _split(_QWEN),
        CHATML,
        text=["<tool_call>", "<think>", "</think>"],
        normalizer=normalizers.NFC(),
    ),
    "SmolLM2-135M": lambda: _byte_level(
        pre_tokenizers.Sequence([_DIGITS, _LEVEL]),
        [*CHATML, "<jupyter_start>", "<empty_output>"],
    ),
    "nanochat-d20": lambda: _byte_level(_split(_NANOCHAT), NANOCHAT, byte_fallback=True),
    "Mistral-Nemo": lambda: _byte_level(
        _split(_NEMO),
        ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<SPECIAL_20>"],
        start="<s>",
    ),
    "Llama-2-7b": _byte_fallback,
    "TinyLlama-1.1B": _byte_fallback,
    "Mistral-7B-v0.1": _byte_fallback,
    "Mistral-7B-v0.3": lambda: _byte_fallback(["[INST]", "[/INST]", "[control_8]"], "first"),
    "words of Metaspace": lambda: _byte_fallback([], "always", split=True),
}
BYTE_LEVEL = list(MAKERS)[:8]
BYTE_FALLBACK = list(MAKERS)[8:]
_made = {}


def content(name):
    """The content of a ``tokenizer.json``."""
    if name not in _made:
        _made[name] = MAKERS[name]().to_str()
    return json.loads(_made[name])


def library(name):
    return Tokenizer.from_str(json.dumps(content(name)))
