"""The verbs of memory, each with the `Caller` who asks: what `Engine.memories` is. A topic a file, joined in one class.

They say what project is meant, who may write, and when; what they do is in `groma.memory`.
"""

from ..memory.fence import fence
from .delivery import Delivery
from .exchange import Exchange
from .knowledge import Knowledge
from .lifecycle import Lifecycle
from .reminders import Reminders
from .ways import Ways

__all__ = ["Memories", "fence"]


class Memories(Exchange, Delivery, Lifecycle, Knowledge, Reminders, Ways):
    """All verbs of memory."""
