"""What must be true of a log after crashes, known without asking the log.

An event that was acknowledged is in the log, once. One that was sent and not acknowledged is there at most once, and
once when it was sent again and acknowledged then. Nothing else is there, and seq counts 0, 1, 2, ...
The oracle lives in the harness, which nobody kills. Workers add to it; checks run while no worker does.
"""

import dataclasses
import threading


@dataclasses.dataclass
class Findings:
    lost: list = dataclasses.field(default_factory=list)  # acknowledged, not in the log
    doubled: list = dataclasses.field(default_factory=list)  # in the log more than once
    unknown: list = dataclasses.field(default_factory=list)  # in the log, never sent
    gaps: list = dataclasses.field(default_factory=list)  # seq where another was due

    def any(self):
        return bool(self.lost or self.doubled or self.unknown or self.gaps)

    def __str__(self):
        return (f"lost {len(self.lost)}, doubled {len(self.doubled)}, never sent {len(self.unknown)}, "
                f"gaps {len(self.gaps)}" + "".join(f"; first {name}: {values[0]}" for name, values in
                                                   dataclasses.asdict(self).items() if values))


class Oracle:
    def __init__(self):
        self._lock = threading.Lock()
        self._sent = set()
        self._acknowledged = set()
        self._at = {}  # id -> seq, as read from the log
        self._read = 0

    def sent(self, ids):
        with self._lock:
            self._sent.update(ids)

    def acknowledged(self, ids):
        """How many were acknowledged so far."""
        with self._lock:
            self._acknowledged.update(ids)
            return len(self._acknowledged)

    def counts(self):
        return {"sent": len(self._sent), "acknowledged": len(self._acknowledged), "records": self._read}

    def records_read(self):
        return self._read

    def positions(self):
        """id -> seq, as it was first read."""
        return self._at

    def unacknowledged_in_log(self):
        return len(self._at.keys() - self._acknowledged)

    def check(self, records):
        """records: those of the log from records_read() on, in its order, as (seq, id)."""
        found = Findings()
        for seq, event_id in records:
            if seq != self._read:
                found.gaps.append(f"{seq} where {self._read} was due")
            self._read = seq + 1
            if event_id in self._at:
                found.doubled.append(f"{event_id} at {self._at[event_id]} and {seq}")
            if event_id not in self._sent:
                found.unknown.append(f"{event_id} at {seq}")
            self._at[event_id] = seq
        found.lost = sorted(self._acknowledged - self._at.keys())
        return found
