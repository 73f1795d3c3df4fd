"""Says which signals it gets. ``obeying.py [ignore]``; ends by the second SIGINT, with exit code 5."""

import os
import signal
import sys

names = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGINT]
signal.pthread_sigmask(signal.SIG_BLOCK, names)
print("ready", os.getpid(), flush=True)
interrupts = 0
while interrupts < 2:
    number = signal.sigwait(names)
    print(signal.Signals(number).name, flush=True)
    interrupts += number == signal.SIGINT
sys.exit(5)
