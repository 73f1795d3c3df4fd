"""A guard for session files that people already have: no vault is needed, only the lease.

places     which file a name means, which keys lie in it, and the leases that all its names share
hold       those leases while this process has them, and the thread that notices a new key
context    `SafeSessionContext`: holding them for the whole time of use
beside     what lies beside a session file: our own face, and lock files of other programs
processes  the processes of this machine, and who has a file open, as the kernel tells
celery     who is a Celery worker that may use a session
verdict    pure: safe, unsafe or stale, who, and what to do
safety     `SessionSafetyManager`: the checks, the decorator, the words

The lease excludes every program that uses telekeep. One that uses the file without it is not excluded, but found: by
its open files, or as a Celery worker of the folder.
"""

from telekeep.guard.context import SafeSessionContext
from telekeep.guard.safety import SessionSafetyManager, check_session_safety_cli, enforce_session_safety

__all__ = ["SafeSessionContext", "SessionSafetyManager", "check_session_safety_cli", "enforce_session_safety"]
