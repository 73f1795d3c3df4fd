"""Lets its children do the work: one of multiprocessing, one of subprocess, one of its own by fork."""

import multiprocessing
import os
import subprocess
import sys

PROGRAM = """
from telethon.sync import TelegramClient
with TelegramClient("shared", 1, "a" * 32) as client:
    print(client.get_me().id, flush=True)
"""


def work():
    exec(PROGRAM)


if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    work()
