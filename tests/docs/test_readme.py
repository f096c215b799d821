"""The README promises only what is there."""

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_proves_its_gradients(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    assert names["dx"].shape == names["x"].shape
    assert "layer_norm_backward, complex, seed 0: passed" in capsys.readouterr().out


def test_every_file_and_folder_it_names_is_there():
    root = Path(__file__).parents[2]
    named = re.findall(r"`((?:scratchgpt|docs|tests|examples|benchmarks)/[\w./]*)`", README)
    named += re.findall(r"\]\(([\w./]+)\)", README)
    assert len(named) > 10
    assert [name for name in named if not (root / name).exists()] == []
