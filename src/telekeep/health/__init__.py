"""What is well, what is not, and what to do about it.

check      a finding, how bad it is, and the exit code of many    actions   what a finding can be mended by
doctor     runs the steps, each with a deadline                   checks/   a file for each: facts in, findings out
history    what a row of checks says about a session              facts/    where the facts of a check come from
schedule   when a session is to be touched next
logins     what is known of an account's logins                   watch      which of them, and which use, is an alarm
"""
