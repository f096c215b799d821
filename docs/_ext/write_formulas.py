"""Write ``scratchgpt/explore/data/formulas.json``: the formulas of the explorer as MathML.

Run ``python docs/_ext/write_formulas.py`` after a formula changed.
"""

import json
import re
from pathlib import Path

from mathml import NAMESPACE, convert

import scratchgpt
from scratchgpt.explore.formulas import all_tex

PATH = Path(scratchgpt.__file__).parent / "explore" / "data" / "formulas.json"


def converted() -> str:
    """Return the content of the file."""
    formulas = {tex: _compact(convert(tex, as_block=False)) for tex in all_tex()}
    return json.dumps(formulas, indent=1, ensure_ascii=False) + "\n"


def _compact(mathml: str) -> str:
    """Remove the line breaks, and the namespace, which HTML does not need."""
    return re.sub(r">\s+<", "><", mathml).replace(f' xmlns="{NAMESPACE}"', "")


if __name__ == "__main__":
    PATH.write_text(converted(), encoding="utf-8")
