import subprocess
import sys


def test_importing_the_text_package_imports_no_heavy_library_and_no_model():
    heavy = ["tokenizers", "pooch", "filelock", "typer", "rich", "scipy"]
    heavy += ["scratchgpt.models", "scratchgpt.layers", "scratchgpt.training"]
    code = "import sys, scratchgpt.text; print([m for m in sys.argv[1:] if m in sys.modules])"
    command = [sys.executable, "-c", code, *heavy]
    assert subprocess.check_output(command, text=True).strip() == "[]"


def test_characters_and_bytes_are_tokenized_without_the_tokenizers_library(write, tmp_path):
    code = """
import sys
sys.modules["tokenizers"] = None  # importing it fails
from scratchgpt.text import load_tokenizer, prepare
for kind in ("characters", "bytes"):
    corpus = prepare([sys.argv[1]], kind)
    tokenizer = load_tokenizer(corpus.directory)
    print(tokenizer.decode(tokenizer.encode("hello")))
"""
    command = [sys.executable, "-c", code, write("a.txt", "hello world")]
    assert subprocess.check_output(command, text=True).split() == ["hello", "hello"]
