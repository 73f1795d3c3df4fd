"""Logs in on a small disk, again and again, each time on a larger one.

``full_disk.py FOLDER disk|file first|replace PAGES:PHONE…``. Each login is a process of its own, whose home, key file
and marks lie on a disk of so many pages (a tmpfs of its own), or, where none may be mounted or with ``file``, whose
files may not grow beyond so many. Then somebody makes room, and it is looked what is there. A line of JSON for each.
"""

import ctypes
import io
import json
import os
import re
import resource
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from telekeep.cli.main import main
from telekeep.upstream import fresh, held  # loaded once, not in every child

LOADED = fresh, held
PAGE = 4096
CLONE_NEWNS, CLONE_NEWUSER, MS_REMOUNT = 0x20000, 0x10000000, 32
libc = ctypes.CDLL(None, use_errno=True)


def disk(folder, pages):
    """A tmpfs at ``folder`` that only this process sees. Raises OSError where that is not allowed."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    sized(folder, pages, 0)


def sized(folder, pages, flags):
    libc.mount(b"none", b"/", None, 1 << 18 | 1 << 14, None)  # private: nobody else sees what is mounted here
    options = f"size={pages * PAGE},mode=0700".encode()
    if libc.mount(b"telekeep", str(folder).encode(), b"tmpfs", flags, options):
        raise OSError(ctypes.get_errno(), "mount")


def said(*words):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(words))
    return code, out.getvalue(), err.getvalue()


def logs_in(folder, kind, size, phone, before):
    world = folder / f"{kind}-{size}-{phone}"
    world.mkdir(mode=0o700)
    os.environ |= {
        "TELEKEEP_HOME": str(world / "home"),
        "TELEKEEP_KEY_FILE": str(world / "keys" / "key"),
        "TELEKEEP_STATE": str(world / "state"),
    }
    auth = ("auth", "main", "--phone", phone, "--code", "22222", "--replace")
    if kind == "disk":
        try:
            disk(world, 4096 if before else size)
        except OSError:
            kind = "file"
    if before:
        code, _, err = said(*auth)
        assert code == 0, err
    if kind == "disk" and before:
        used = os.statvfs(world)
        sized(world, used.f_blocks - used.f_bfree + size, MS_REMOUNT)
    if kind == "file":
        resource.setrlimit(resource.RLIMIT_FSIZE, (size * PAGE, resource.RLIM_INFINITY))
    code, _, err = said(*auth)
    if kind == "disk":
        sized(world, 4096, MS_REMOUNT)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    kept = said("test", "main")[0]
    again = said(*auth)[0] if code else 0
    told = json.loads(said("diagnostics", "main", "--json")[1])["findings"]
    others = [
        re.search(r" has (\d+) other login", each["finding"]) for each in told if each["check"] == "authorization"
    ]
    logins = 1 + sum(int(each[1]) for each in others if each)
    return {"kind": kind, "size": size, "code": code, "err": err, "kept": kept, "again": again, "logins": logins}


def in_a_child(*words):
    end, begin = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found = logs_in(*words)
        except BaseException as error:
            found = {"failed": repr(error)}
        os.write(begin, json.dumps(found).encode())
        os._exit(0)
    os.close(begin)
    with os.fdopen(end) as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(told) if told else {"failed": f"it ended by signal {os.WTERMSIG(status)} with {words[2]} pages"}


if __name__ == "__main__":
    folder, kind, before, *logins = sys.argv[1:]
    for each in logins:
        size, _, phone = each.partition(":")
        print(json.dumps(in_a_child(Path(folder), kind, int(size), phone, before == "replace")), flush=True)
