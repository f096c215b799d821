"""Zero-shot learning: classes without a single example."""

from scratchgpt.zero_shot.attributes.checks import binary_attributes
from scratchgpt.zero_shot.attributes.dap import DAP
from scratchgpt.zero_shot.attributes.eszsl import ESZSL
from scratchgpt.zero_shot.attributes.floors import Majority, NearestSeen
from scratchgpt.zero_shot.attributes.iap import IAP

__all__ = ["DAP", "ESZSL", "IAP", "Majority", "NearestSeen", "binary_attributes"]
