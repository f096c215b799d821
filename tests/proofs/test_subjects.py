"""The list of checks, without running them."""

import pytest

import scratchgpt.layers as layers
from scratchgpt.errors import UserError
from scratchgpt.proofs.subjects import LAYERS, MODELS, find_checks, names
from scratchgpt.verify.examples import EXAMPLES


def test_all_contains_every_operation_layer_and_form_of_a_model():
    checks = list(find_checks("all", None, 0))
    assert {check.name for check in checks if check.kind == "op"} == set(EXAMPLES)
    assert [(c.name, c.case) for c in checks if c.kind == "layer"] == list(LAYERS)
    forms = [(name, form) for name, forms in MODELS.items() for form in forms]
    assert [(c.name, c.case) for c in checks if c.kind == "model"] == forms


@pytest.mark.parametrize("name", names())
def test_every_name_has_a_check(name):
    assert {check.name for check in find_checks(name, None, 0)} == {name}


def test_layers_are_named_after_their_classes():
    assert all(hasattr(layers, name) for name, _ in LAYERS)


def test_an_unknown_name_is_refused():
    with pytest.raises(UserError, match="there is no operation, layer or model 'Linaer'"):
        list(find_checks("Linaer", None, 0))
