"""Every layer on arrays of another library, which behaves as CuPy: tests/device/strict_array."""

import numpy as np

from scratchgpt.layers.device import move_parameters


def test_the_results_are_the_same_on_a_device(layer_case, strict):
    results = []
    for library in (np, strict):
        layer, *inputs = layer_case.build()
        settings = layer_case.settings
        if library is strict:
            move_parameters(layer, strict)
            inputs, settings = strict.on_device(inputs), strict.on_device(settings)
        y, saved = layer.forward(*inputs, **settings)
        dy = library.asarray(np.random.default_rng(3).standard_normal(y.shape))
        layer.store.zero_grad()
        found = layer.backward(dy, saved)
        found = found if isinstance(found, tuple) else () if found is None else (found,)
        results.append((y, *found, layer.store.grads))
    for expected, actual in zip(*results, strict=True):
        assert isinstance(actual, strict.StrictArray)
        strict.assert_same(actual, expected)


def test_parameters_move_there_and_back_as_flat_arrays(layer_case, strict):
    layer, *_ = layer_case.build(np.float32)
    values = layer.store.values.copy()
    for library in (strict, np):
        move_parameters(layer, library)
        own = [layer.store.values, layer.store.grads]
        own += [x for p in layer.store.named.values() for x in (p.value, p.grad)]
        assert all(isinstance(x, strict.StrictArray) == (library is strict) for x in own)
        for name, view in layer.store.value_views(layer.store.values).items():
            view *= 2
            assert (layer.store.named[name].value == view).all()
            view /= 2
    np.testing.assert_array_equal(layer.store.values, values)
