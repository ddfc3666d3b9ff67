"""What a worker makes of errors that its code has met because its Spark engine ended."""

from __future__ import annotations

import pytest

from brickyard.runtime.ending import Ending
from brickyard.runtime.redaction import Redactor
from brickyard.workspace.compute.channel import Channel
from brickyard.workspace.compute.host import WorkerHost


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("SparkConnectGrpcException: [SPARK_ENGINE_ENDED] The Spark engine was killed.", "DRIVER_ERROR"),
        ("ValueError: the server is not there", None),
    ],
)
def test_an_error_by_the_end_of_the_engine_is_not_the_code_s_own(error: str, code: str | None) -> None:
    ours, theirs = Channel.pair()
    ending = WorkerHost(ours, {}, Redactor()).judged(Ending(error=error, trace="in the code"))
    assert (ending.error, ending.code) == (error, code)
    ours.close()
    theirs.close()
