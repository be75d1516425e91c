"""What may enter memory, what is written down about what may not, and how remembered text is handed out."""

from .examine import Verdict, examine
from .fence import fence
from .log import record

__all__ = ["Verdict", "examine", "fence", "record"]
