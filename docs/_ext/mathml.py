"""Convert formulas to MathML while the page is built.

Browsers display MathML without a script and without network access. A formula that cannot be
parsed fails the build.
"""

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import accents, tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
APPLIED_TO = "\u2061"
HTML_NAME = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;|#)\w+;")


def convert(tex: str, *, as_block: bool) -> str:
    """Convert a TeX formula to MathML."""
    # TeX allows \\textstyle anywhere, docutils only at the beginning of a group.
    tex = re.sub(r"\\textstyle\s*(\\\w+)", r"{\\textstyle \1}", tex)
    written = tex2mathml(tex, as_block=as_block)
    # docutils uses HTML names for some characters, which XML does not define.
    tree = ElementTree.fromstring(HTML_NAME.sub(lambda name: unescape(name[0]), written))
    for element in list(tree.iter()):
        _set_index_beside_accent(element)
        _draw_overline(element)
        _set_function_apart(element)
        if _tag(element) == "mo" and element.text == "/":
            element.attrib |= {"lspace": "0", "rspace": "0"}
    ElementTree.register_namespace("", NAMESPACE)
    return ElementTree.tostring(tree, encoding="unicode")


def _set_index_beside_accent(element: ElementTree.Element) -> None:
    r"""Move the index of ``\hat x_i`` beside x; docutils puts it under x."""
    if _tag(element) != "munderover" or element[2].text not in accents.values():
        return
    base, index, accent = element
    accented = ElementTree.Element(f"{{{NAMESPACE}}}mover", accent="true")
    accented.extend([base, accent])
    element.tag = f"{{{NAMESPACE}}}msub"
    element[:] = [accented, index]


def _draw_overline(element: ElementTree.Element) -> None:
    """Draw a bar of full width with the style sheet, because few fonts have a stretchable bar."""
    if _tag(element) == "mover" and element[1].text == "_":
        element.remove(element[1])
        element.tag = f"{{{NAMESPACE}}}mrow"
        element.attrib = {"class": "overline"}


def _set_function_apart(row: ElementTree.Element) -> None:
    """Add a small space between ``tanh`` and ``u``, but none before a bracket."""
    for i in reversed(range(len(row) - 1)):
        function = row[i][0] if _tag(row[i]) in ("msup", "msub") else row[i]
        if _tag(function) != "mi" or len(function.text or "") < 2:
            continue
        if row[i + 1].text == APPLIED_TO:  # browsers display it without width
            row.remove(row[i + 1])
        if i + 1 < len(row) and _tag(row[i + 1]) in ("mi", "msup", "msub", "mfrac", "msqrt"):
            row.insert(i + 1, ElementTree.Element(f"{{{NAMESPACE}}}mspace", width="0.1667em"))


def _tag(element: ElementTree.Element) -> str:
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def _formula(node: nodes.Element, *, as_block: bool) -> str:
    try:
        return convert(node.astext().strip(), as_block=as_block)
    except MathError as error:
        logger.warning("%s in the formula %s", error, node.astext(), location=node)
        return ""


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_formula(node, as_block=False))
    raise nodes.SkipNode


def _visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{_formula(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True}
