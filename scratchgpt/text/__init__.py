"""Text processing: tokenizers, corpora, token shards, pairs of texts, batches and tasks.

The package is independent of the models and imports none of them.
"""

from scratchgpt.text.batches import TokenBatch, TokenBatches, windows
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.code.python_code import CodeCorpus, mask_name, mask_names, python_code
from scratchgpt.text.corpora.corpora import NAMED_CORPORA, find_documents
from scratchgpt.text.corpora.corpus_reader import ProgressCallback
from scratchgpt.text.corpora.documents import Document
from scratchgpt.text.corpora.prepare import prepare
from scratchgpt.text.corpora.prepared import (
    Manifest,
    PreparedCorpus,
    corpora_directory,
    open_prepared,
    prepared_in_cache,
)
from scratchgpt.text.corpora.shards import TokenStream
from scratchgpt.text.corpora.tokenizer_choice import choose_tokenizer, learn_tokenizer
from scratchgpt.text.length_batches import LengthBatches
from scratchgpt.text.pairs.dates import DatesTask
from scratchgpt.text.pairs.pair_batches import PairBatch, PairBatches
from scratchgpt.text.pairs.pairs import NAMED_PAIRS, read_pairs, training_pairs
from scratchgpt.text.pairs.parallel_text import ParallelText
from scratchgpt.text.pairs.text_pairs import (
    TextPairs,
    read_text_pairs,
    split_text_pairs,
    training_text_pairs,
)
from scratchgpt.text.pairs.token_rows import TokenPairs, TokenRows, encode_pairs
from scratchgpt.text.tasks.tasks import TASKS, AdditionTask, SortTask, task_from_spec
from scratchgpt.text.tokenizers.bpe import BPETokenizer, Place
from scratchgpt.text.tokenizers.bpe_training import train_bpe
from scratchgpt.text.tokenizers.byte_fallback import ByteFallbackTokenizer
from scratchgpt.text.tokenizers.byte_level import ByteTokenizer
from scratchgpt.text.tokenizers.characters import CharacterTokenizer
from scratchgpt.text.tokenizers.loading import has_tokenizer, load_tokenizer
from scratchgpt.text.tokenizers.streaming import StreamDecoder
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer
from scratchgpt.text.tokenizers.word_bpe import WordBPETokenizer

__all__ = [
    "NAMED_CORPORA",
    "NAMED_PAIRS",
    "TASKS",
    "TOKENIZER_FILE",
    "AdditionTask",
    "BPETokenizer",
    "ByteFallbackTokenizer",
    "ByteTokenizer",
    "CharacterTokenizer",
    "CodeCorpus",
    "DatesTask",
    "Document",
    "LengthBatches",
    "Manifest",
    "PairBatch",
    "PairBatches",
    "ParallelText",
    "Place",
    "PreparedCorpus",
    "ProgressCallback",
    "SortTask",
    "StreamDecoder",
    "TextPairs",
    "TokenBatch",
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
    "has_tokenizer",
    "learn_tokenizer",
    "load_tokenizer",
    "mask_name",
    "mask_names",
    "open_prepared",
    "prepare",
    "prepared_in_cache",
    "python_code",
    "read_pairs",
    "read_text_pairs",
    "split_text_pairs",
    "task_from_spec",
    "train_bpe",
    "training_pairs",
    "training_text_pairs",
    "windows",
]
