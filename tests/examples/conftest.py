"""The modules of the folder of examples, which is not a package."""

import importlib.util
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def example():
    """A function that imports a file of the folder by its name."""

    def load(name):
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    for imported in ("published_conversations", "chat_questions"):  # by chat_model.py
        load(imported)
    return load


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A folder with a file of each kind of published conversations."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "instructions.json").write_text(
        '[{"instruction": "Name a fruit.", "input": "", "output": "Apple."},'
        ' {"instruction": "Make it a question.", "input": "It rains.", "output": "Does it rain?"},'
        ' {"instruction": "Who are you?", "input": "", "output": "I am {{name}}."},'
        ' {"instruction": "hello again", "input": "", "output": "Hi."}]'
    )
    (folder / "seed_tasks.jsonl").write_text(
        '{"instruction": "Name a color.", "instances": [{"input": "", "output": "Red."}]}\n'
    )
    (folder / "trees.jsonl").write_text(
        '{"prompt": {"text": "Why?", "role": "prompter", "replies": ['
        '{"text": "Worse.", "role": "assistant", "rank": 1, "replies": []},'
        '{"text": "Because.", "role": "assistant", "rank": 0, "replies": ['
        '{"text": "And then?", "role": "prompter", "replies": ['
        '{"text": "Nothing.", "role": "assistant", "replies": []}]},'
        '{"text": "Oh.", "role": "prompter", "replies": []}]}]}}\n'
    )
    (folder / "food.yml").write_text(
        "categories:\n- food\nconversations:\n"
        "- - Is soup hot\n  - 'Usually,\n    it is.'\n  - Not always.\n"
    )
    (folder / "pictures.csv").write_text("a,b\n1,2\n")
    return folder
