"""Runs the scenarios of one SDK against the gateway that the test started, and tells how each went.

A scenario is a function with a sentence for a name. All of them run, whatever fails; the exit code is 1 if any
failed or none ran. Where the gateway is and which keys it knows comes in by the environment (see `sdk.rs`).
"""

import os
import sys
import traceback

URL = os.environ["GOLIVE_URL"]
KEY = os.environ["GOLIVE_KEY"]
NARROW_KEY = os.environ["GOLIVE_NARROW_KEY"]  # may use the model `plain` of its format alone
SPENT_KEY = os.environ["GOLIVE_SPENT_KEY"]  # for using up a limit, which would starve the other scenarios
REQUESTS_PER_USER = int(os.environ["GOLIVE_REQUESTS_PER_USER"])
BODY_SIZE = int(os.environ["GOLIVE_BODY_SIZE"])  # the largest request body, in bytes

# A key of the right form that the gateway has never seen.
UNKNOWN_KEY = os.environ["GOLIVE_UNKNOWN_KEY"]

# No scenario may hang: the SDKs' own default is ten minutes.
TIMEOUT_S = 20.0

_SCENARIOS = []


def scenario(function):
    """Marks a function as a scenario."""
    _SCENARIOS.append(function)
    return function


def raises(kind, call):
    """What `call` raised, which must be exactly the SDK's `kind`: a test that accepts a base class proves nothing."""
    try:
        answer = call()
    except Exception as error:  # the kind is judged below, whatever it is
        assert type(error) is kind, f"expected {kind.__name__}, got {type(error).__name__}: {error}"
        return error
    raise AssertionError(f"expected {kind.__name__}, got an answer: {answer!r}")


def names_nothing_internal(error):
    """Where the upstream is and what its model is called there is for operators, not for callers. (An error object in
    the caller's own format passes as the provider wrote it.)"""
    for word in ("127.0.0.1", "localhost", "fault-"):
        assert word not in str(error.body), f"`{word}` in {error.body}"


def run():
    """Runs every scenario and leaves with the exit code."""
    failed = 0
    for function in _SCENARIOS:
        name = function.__name__.replace("_", " ")
        try:
            function()
        except Exception:  # one failed scenario must not hide the others
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok     {name}", flush=True)
    print(f"scenarios: {len(_SCENARIOS) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not _SCENARIOS else 0)
