"""Moving the parameters of a layer between the host and a GPU."""

from typing import Any

import numpy as np

from scratchgpt.backend import to_host
from scratchgpt.layers.parameters import Layer, ParameterStore


def move_parameters(layer: Layer, library: Any, store: ParameterStore | None = None) -> None:
    """Move the parameters of a layer to the memory of an array library, in place.

    The values stay one flat array, and so do the gradients. Gradients accumulated so far are
    discarded. An optimizer for the layer must be created afterwards.

    Parameters
    ----------
    layer : Layer
        Its parameters are initialized.
    library : module
        ``numpy`` or ``cupy``.
    store : ParameterStore, optional
        The parameters to move, by default those of ``layer.store``.
    """
    store = layer.store if store is None else store
    store.values = to_host(store.values) if library is np else library.asarray(store.values)
    for name, value in store.value_views(store.values).items():
        store.named[name].value = value
    store.freeze(store.frozen)  # allocates the gradients beside the values
