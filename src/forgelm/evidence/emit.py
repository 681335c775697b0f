"""Makes an ``Emit`` of an audit log, for the parts that are handed one and for those that open the log themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forgelm.base.errors import ForgeError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.evidence.ledger import AuditLogger


def emit_to(logger: AuditLogger, listen: Emit = emit_nothing, **always: Any) -> Emit:
    """Return an ``Emit`` that writes to the log, and then tells ``listen``; ``always`` stands in every event."""

    def emit(event: Event, /, **fields: Any) -> None:
        logger.log_event(event, **always, **fields)
        listen(event, **always, **fields)

    return emit


@contextlib.contextmanager
def on_record(root: Path, run_id: str | None = None, listen: Emit = emit_nothing, **always: Any) -> Iterator[Emit]:
    """Give an ``Emit`` to the log of the run folder ``root``; when the block ends, the run is closed in it.

    Raises:
        ConfigError, IntegrityError, StorageError: the log cannot be opened, continued or closed.
    """
    logger = AuditLogger(str(root), run_id)
    try:
        yield emit_to(logger, listen, **always)
    except BaseException:
        # What ended the block matters more than a log that cannot be closed.
        with contextlib.suppress(OSError, ForgeError):
            logger.close_run()
        raise
    else:
        logger.close_run()
    finally:
        logger.close()
