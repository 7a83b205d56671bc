"""Print text, tokens and cost of the job that stands on stdin; 1 when there is no answer."""

import json
import sys

from client import show

try:
    job = json.load(sys.stdin)
except ValueError:
    sys.exit("No answer came.")
if "detail" in job:  # problem details instead of a job
    faults = [f"  {fault['pointer']}: {fault['detail']}" for fault in job["errors"]]
    sys.exit("\n".join([f"Refused: {job['detail']}", *faults]))
if job["status"] != "succeeded":
    sys.exit(f"Job {job['id']} is {job['status']}: {job['error'] or 'ask again later'}")
show(job)
