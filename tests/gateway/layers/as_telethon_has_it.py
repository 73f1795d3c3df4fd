"""Objects read and written again by a release of Telethon: run by that release's own interpreter, or imported.

Takes hexadecimal lines, prints those that did not come back the same. Standard library and Telethon only, Python 3.8.
"""

import sys


def differing(lines):
    """The lines that Telethon reads, or writes, otherwise than they are."""
    from telethon.extensions import BinaryReader

    found = []
    for line in lines:
        data = bytes.fromhex(line)
        reader = BinaryReader(data)
        try:
            again = bytes(reader.tgread_object())
            same = again == data and reader.tell_position() == len(data)
        except Exception:
            same = False
        if not same:
            found.append(line)
    return found


if __name__ == "__main__":
    from telethon.tl.alltlobjects import LAYER

    print(LAYER)
    for line in differing(sys.stdin.read().split()):
        print(line)
