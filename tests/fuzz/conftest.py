"""The fuzzer and its samples."""

import importlib.util
import sys
from pathlib import Path

import pytest


def load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fuzz(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRATCHGPT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
        yield load("fuzz")


@pytest.fixture(scope="session")
def samples(fuzz, tmp_path_factory):
    return fuzz.quiet_samples(tmp_path_factory.mktemp("samples"))
