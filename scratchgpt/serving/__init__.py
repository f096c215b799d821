"""A server with OpenAI's interface for one model, and its chat page.

It needs starlette and uvicorn.
"""

from scratchgpt.serving.access import Access, is_loopback, make_access
from scratchgpt.serving.app import Service
from scratchgpt.serving.limits import Limits
from scratchgpt.serving.served_model import ServedModel
from scratchgpt.serving.server import bind, run, url_of

__all__ = [
    "Access",
    "Limits",
    "ServedModel",
    "Service",
    "bind",
    "is_loopback",
    "make_access",
    "run",
    "url_of",
]
