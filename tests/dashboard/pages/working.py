"""Jobs that a page asked for, done before a test goes on."""

import time

from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.store.jobs import Job, list_jobs


def done(hub: Hub) -> Job:
    """Start the worker, wait until nothing waits or runs, and return the newest job."""
    hub.start_worker()
    end = time.monotonic() + 60
    while any(job.state in ("waiting", "running") for job in list_jobs(hub.database)):
        assert time.monotonic() < end, "the jobs were not done"
        time.sleep(0.05)
    return list_jobs(hub.database)[0]
