import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scratchgpt
from scratchgpt.serving.page import ASSETS, SCRIPTS, page

ROOT = Path(scratchgpt.__file__).parents[1]
# Ways to make HTML or code of a string.
UNSAFE = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function"


def directives() -> dict[str, str]:
    return dict(directive.split(" ", 1) for directive in page().csp.split("; "))


def elements(name: str) -> list[str]:
    return re.findall(f"<{name}[^>]*>(.*?)</{name}>", page().html.decode(), re.DOTALL)


def test_the_page_has_one_style_and_one_script():
    assert [len(elements(name)) for name in ("style", "script")] == [1, 1]


@pytest.mark.parametrize("name", ["style", "script"])
def test_the_policy_has_the_hash_of_what_the_page_has(name):
    digest = hashlib.sha256(elements(name)[0].encode()).digest()
    assert directives()[f"{name}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_the_policy_forbids_all_else():
    allowed = {name: value for name, value in directives().items() if "sha256" not in value}
    assert allowed == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert "unsafe" not in page().csp


def test_the_page_fetches_nothing():
    html = page().html.decode()
    assert set(re.findall(r"""(?:src|href)=["'](.{5})""", html)) == {"data:"}
    assert not re.findall(r"url\(|@import", elements("style")[0])


def test_text_never_becomes_html():
    assert not re.findall(UNSAFE, elements("script")[0])
    assert not re.findall(r"\son\w+=|\sstyle=|javascript:", page().html.decode())


def test_every_asset_is_part_of_the_page():
    names = {"chat.html", "chat.css", *(f"{name}.js" for name in SCRIPTS)}
    assert {path.name for path in ASSETS.iterdir()} == names
    for name in SCRIPTS:
        assert len((ASSETS / f"{name}.js").read_text(encoding="utf-8").splitlines()) <= 300


def test_the_ids_of_the_page_are_unique_and_used():
    html, script = page().html.decode(), elements("script")[0]
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'byId\("([^"]+)"\)', script)) - set(ids) == {"api-key"}
    referred = re.findall(r'\b(?:for|aria-describedby|aria-labelledby|aria-controls)="(.+?)"', html)
    assert set(referred) <= set(ids)


def test_an_installed_package_has_the_assets(tmp_path):
    pytest.importorskip("setuptools")
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()"]
    command += ["-q", "build_py", "--build-lib", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    built = tmp_path / "scratchgpt" / "serving" / "assets"
    assert {path.name for path in built.iterdir()} == {path.name for path in ASSETS.iterdir()}
