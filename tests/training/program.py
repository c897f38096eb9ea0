# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the command line and tells what it took."""
import json
import os
import subprocess
import time


def run(program, *arguments):
    """Runs it to its end; returns stdout, seconds and the most memory in MiB."""
    start = time.monotonic()
    process = subprocess.Popen([str(program), *map(str, arguments)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    output, complaint = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"driftcluster {' '.join(map(str, arguments))}: {complaint}")
    return output, time.monotonic() - start, usage.ru_maxrss / 1024


def evaluate(program, *arguments):
    """The scores that `evaluate` tells, as a dictionary."""
    return json.loads(run(program, "evaluate", "--json", *arguments)[0])
