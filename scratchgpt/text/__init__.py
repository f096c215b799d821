"""Text: tokenizers, corpora, token shards, batches and generated tasks. Knows no model."""

from scratchgpt.text.batches import TokenBatches, windows
from scratchgpt.text.bpe import BPETokenizer, train_bpe
from scratchgpt.text.byte_level import ByteTokenizer
from scratchgpt.text.characters import CharacterTokenizer
from scratchgpt.text.corpora import NAMED_CORPORA, find_documents
from scratchgpt.text.corpus_reader import ProgressCallback
from scratchgpt.text.documents import Document
from scratchgpt.text.prepare import prepare
from scratchgpt.text.prepared import (
    Manifest,
    PreparedCorpus,
    cache_directory,
    corpora_directory,
    open_prepared,
    prepared_in_cache,
)
from scratchgpt.text.shards import TokenStream
from scratchgpt.text.streaming import StreamDecoder
from scratchgpt.text.task import ExactMatch
from scratchgpt.text.tasks import TASKS, AdditionTask, SortTask, task_from_spec
from scratchgpt.text.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer
from scratchgpt.text.tokenizer_choice import choose_tokenizer, learn_tokenizer

__all__ = [
    "NAMED_CORPORA",
    "TASKS",
    "TOKENIZER_FILE",
    "AdditionTask",
    "BPETokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "Document",
    "ExactMatch",
    "Manifest",
    "PreparedCorpus",
    "ProgressCallback",
    "SortTask",
    "StreamDecoder",
    "TokenBatches",
    "TokenStream",
    "Tokenizer",
    "cache_directory",
    "choose_tokenizer",
    "corpora_directory",
    "find_documents",
    "learn_tokenizer",
    "load_tokenizer",
    "open_prepared",
    "prepare",
    "prepared_in_cache",
    "task_from_spec",
    "train_bpe",
    "windows",
]
