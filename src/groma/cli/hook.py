"""`groma hook`."""

from __future__ import annotations

import click

from .hooks import answer

__all__ = ["command"]


@click.command(
    "hook",
    short_help="Answer an agent's hook; called by the agent, not by you.",
    context_settings={"ignore_unknown_options": True},  # exit status 2 would refuse whatever the agent is about to do
)
@click.argument("event", nargs=-1, type=click.UNPROCESSED)
def command(event: tuple[str, ...]) -> None:
    """Answer EVENT of an agent: JSON on standard input, as Claude Code gives it.

    \b
    Examples:
      groma install claude-code --type hooks
      groma hook PreToolUse < what-the-agent-says.json

    \b
    SessionStart   prints what is remembered, as context for the session
    PreToolUse     exit status 2 and the reason, for a write to .env, .git or keys
                   and for what would print credentials; a seat belt, not a jail
    PostToolUse    brings the index up to date, beside the agent
    PreCompact     remembers where work stands
    SessionEnd     the same

    Whatever else happens, the exit status is 0: a hook never stops an agent.
    """
    answer(list(event))
