"""What may enter memory, and what is written down about what may not."""

from .examine import Verdict, examine
from .log import record

__all__ = ["Verdict", "examine", "record"]
