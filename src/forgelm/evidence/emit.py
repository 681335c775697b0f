"""Makes an ``Emit`` of an audit log, for the parts that are handed one and for those that open the log themselves."""

from __future__ import annotations

from typing import Any

from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.evidence.ledger import AuditLogger


def emit_to(logger: AuditLogger, listen: Emit = emit_nothing, **always: Any) -> Emit:
    """Return an ``Emit`` that writes to the log, and then tells ``listen``; ``always`` stands in every event."""

    def emit(event: Event, /, **fields: Any) -> None:
        logger.log_event(event, **always, **fields)
        listen(event, **always, **fields)

    return emit
