"""Checks that a backward pass matches its forward pass, for our functions and for yours.

    from scratchgpt.verify import check_vjp

    check_vjp(my_forward, my_backward, {"x": x, "weight": weight}).raise_if_failed()

Only NumPy is required; see :func:`check_vjp`.
"""

from scratchgpt.verify.comparison import relative_error
from scratchgpt.verify.jacobian import gradcheck, numerical_jacobian
from scratchgpt.verify.layer import check_layer, check_model
from scratchgpt.verify.report import InputReport, Kink, Report, VerificationError
from scratchgpt.verify.vjp import check_vjp

__all__ = [
    "InputReport",
    "Kink",
    "Report",
    "VerificationError",
    "check_layer",
    "check_model",
    "check_vjp",
    "gradcheck",
    "numerical_jacobian",
    "relative_error",
]
