"""What may enter memory, what is written down about what may not, and the fence around what is handed out."""

from ..fence import fence
from .examine import Verdict, examine
from .log import record

__all__ = ["Verdict", "examine", "fence", "record"]
