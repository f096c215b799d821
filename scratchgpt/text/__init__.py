"""Text: tokenizers, corpora, token shards, parallel text, batches, tasks. Knows no model."""

from scratchgpt.text.batches import TokenBatches, windows
from scratchgpt.text.bpe import BPETokenizer, train_bpe
from scratchgpt.text.byte_level import ByteTokenizer
from scratchgpt.text.characters import CharacterTokenizer
from scratchgpt.text.corpora import NAMED_CORPORA, find_documents
from scratchgpt.text.corpus_reader import ProgressCallback
from scratchgpt.text.dates import DatesTask
from scratchgpt.text.documents import Document
from scratchgpt.text.pair_batches import PairBatches
from scratchgpt.text.pairs import NAMED_PAIRS, read_pairs, training_pairs
from scratchgpt.text.parallel_text import ParallelText
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
from scratchgpt.text.token_rows import TokenPairs, TokenRows, encode_pairs
from scratchgpt.text.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer
from scratchgpt.text.tokenizer_choice import choose_tokenizer, learn_tokenizer
from scratchgpt.text.word_bpe import WordBPETokenizer

__all__ = [
    "NAMED_CORPORA",
    "NAMED_PAIRS",
    "TASKS",
    "TOKENIZER_FILE",
    "AdditionTask",
    "BPETokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "DatesTask",
    "Document",
    "ExactMatch",
    "Manifest",
    "PairBatches",
    "ParallelText",
    "PreparedCorpus",
    "ProgressCallback",
    "SortTask",
    "StreamDecoder",
    "TokenBatches",
    "TokenPairs",
    "TokenRows",
    "TokenStream",
    "Tokenizer",
    "WordBPETokenizer",
    "cache_directory",
    "choose_tokenizer",
    "corpora_directory",
    "encode_pairs",
    "find_documents",
    "learn_tokenizer",
    "load_tokenizer",
    "open_prepared",
    "prepare",
    "prepared_in_cache",
    "read_pairs",
    "task_from_spec",
    "train_bpe",
    "training_pairs",
    "windows",
]
