"""Print a hash of vectors for each precision; the number of threads is in the environment.

python bits_process.py
"""

import hashlib
import importlib.util
from pathlib import Path

from scratchgpt.embeddings import TextEncoder, add_roles
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.precision import products_in
from scratchgpt.text import train_bpe

spec = importlib.util.spec_from_file_location("made", Path(__file__).with_name("conftest.py"))
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)


def main():
    texts = made.make_texts(24, 40)
    tokenizer = add_roles(train_bpe(texts, 300))
    config = GPTEncoderConfig(
        n_layer=2, n_head=3, n_embd=96, block_size=128, vocab_size=tokenizer.vocab_size
    )
    encoder = TextEncoder(GPTEncoder(config), tokenizer)
    for precision in ("float32", "bf16"):
        with products_in(precision):
            vectors = encoder.encode(texts)
            codes = encoder.encode(texts, precision="int8").codes
        print(precision, *(hashlib.sha256(x.tobytes()).hexdigest() for x in (vectors, codes)))


if __name__ == "__main__":
    main()
