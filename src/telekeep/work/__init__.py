"""The daemon: the process that owns sessions, and what the operating system needs to run it.

daemon      its life: lock, socket, signals, idle end      owners      the sessions it owns, all that is asked of them:
owning      how they are opened, kept and let go           loans       what is lent of them
farewells   programs whose loans have ended are told, where nobody owns their session any more
logins      whether their logins stand, renewed and forked
custody     who may use them, and when: unlock and lock    keeping     its keeper, which can be locked
held_key    a master key held in memory for a while        alone       one daemon for each home
detach      a process that outlives its parent             log         where it writes
health      asks about each session now and then
watch       looks at the logins of its accounts        alarm       the user's own program for an alarm
notify      systemd's protocol                             service     units for systemd and launchd
room        as many open files as many sessions need
"""
