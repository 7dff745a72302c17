"""A rank without a framework, for tests: `python -P -m tests.fakes.fake_rank [DESCRIPTOR PARENT]`.

It answers an order with the order itself and twice its arrays; "raise" fails, "die" ends without a word, "hang" waits.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from dltui.core.worker.ranks import gathering
from dltui.core.worker.ranks.channel import Channel, Disconnected
from dltui.core.worker.ranks.rank_process import end_with


def main() -> None:
    place = gathering.told()
    if len(sys.argv) > 1 or place is None:
        connection = socket.socket(fileno=int(sys.argv[1]))
        end_with(int(sys.argv[2]), connection)
    else:
        connection = gathering.connect(place)
    channel = Channel(connection)
    while True:
        order, arrays = channel.receive()
        if order["do"] == "end":
            return
        if order["do"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order["do"] == "hang":
            time.sleep(60)
        if order["do"] == "raise":
            channel.send({"error": {"type": "ValueError", "text": "no", "expected": False, "remedy": {}, "place": ""}})
            return
        channel.send(order, {name: 2 * array for name, array in arrays.items()})


if __name__ == "__main__":
    try:
        main()
    except Disconnected:
        sys.exit(1)
