"""Text: tokenizers, corpora, token shards, batches and generated tasks. Knows no model."""

from scratchgpt.text.bpe import BPETokenizer, train_bpe
from scratchgpt.text.byte_level import ByteTokenizer
from scratchgpt.text.characters import CharacterTokenizer
from scratchgpt.text.corpora import NAMED_CORPORA, Document, find_documents
from scratchgpt.text.prepare import (
    Manifest,
    PreparedCorpus,
    cache_directory,
    check_tokenizer_spec,
    open_prepared,
    prepare,
)
from scratchgpt.text.shards import TokenStream
from scratchgpt.text.streaming import StreamDecoder
from scratchgpt.text.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer

__all__ = [
    "NAMED_CORPORA",
    "TOKENIZER_FILE",
    "BPETokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Document",
    "Manifest",
    "PreparedCorpus",
    "StreamDecoder",
    "TokenStream",
    "Tokenizer",
    "cache_directory",
    "check_tokenizer_spec",
    "find_documents",
    "load_tokenizer",
    "open_prepared",
    "prepare",
    "train_bpe",
]
