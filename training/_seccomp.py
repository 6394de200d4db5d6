"""Calls to the kernel that a reader of foreign files never needs, refused for good: a filter of Linux (seccomp).

No network, no new process or program, no look into other processes and no signal to them, no odd corner of the kernel.
Threads are allowed: a new process and a new thread are the same call with another flag.
"""

import ctypes
import os
import platform
import struct
import sys

SET_FILTER, FILTER_MODE = 22, 2
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38
"""Refused as "not permitted"; one call as "not known here", upon which the C library takes the older one."""
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Places in what the kernel shows to the filter, in bytes."""
NEW_THREAD = 0x10000
OTHER_TABLE = 0x40000000

KNOWN = {
    "x86_64": {
        "architecture": 0xC000003E, "clone": 56, "clone3": 435, "tgkill": 234,
        "refused": (
            41, 42, 43, 288, 44, 49, 50,  # socket, connect, accept, accept4, sendto, bind, listen
            57, 58, 59, 322,  # fork, vfork, execve, execveat
            101, 310, 311, 312, 434, 424, 438,  # ptrace, process_vm_*, kcmp, pidfd_*
            62, 200, 129, 297,  # kill, tkill, rt_*sigqueueinfo
            165, 166, 155, 161, 272, 308, 428, 429, 430, 431, 432, 442,  # mounts and name spaces
            321, 298, 323, 425, 426, 427, 248, 249, 250, 246, 320, 175, 313, 176,  # bpf, perf, io_uring, keys, modules
        ),
    },
    "aarch64": {
        "architecture": 0xC00000B7, "clone": 220, "clone3": 435, "tgkill": 131,
        "refused": (
            198, 203, 202, 242, 206, 200, 201, 221, 281, 117, 270, 271, 272, 434, 424, 438, 129, 130, 138, 240,
            40, 39, 41, 51, 97, 268, 428, 429, 430, 431, 432, 442, 280, 241, 282, 425, 426, 427, 217, 218, 219, 104,
            294, 105, 273, 106,
        ),
    },
}  # fmt: skip


def refuse_calls(libc: ctypes.CDLL) -> bool:
    """Put the filter around this process and all its threads to come; False where that cannot be done here.

    The process must have given up new rights before.
    """
    told = KNOWN.get(platform.machine())
    if told is None or sys.byteorder != "little":
        return False
    lines = _lines(told)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("=H6xQ", len(lines), ctypes.addressof(code))
    return libc.prctl(SET_FILTER, FILTER_MODE, program, 0, 0) == 0


def _lines(told: dict) -> list[tuple[int, int, int, int]]:
    """Write the filter: (operation, lines to skip where it is so, where it is not, value)."""
    lines = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, told["architecture"]), (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, OTHER_TABLE), (RETURN, 0, 0, REFUSE),
        (EQUAL, 0, 1, told["clone3"]), (RETURN, 0, 0, UNKNOWN),
        (EQUAL, 0, 4, told["clone"]), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_THREAD), (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
        # A process may end itself that way (`abort`), but no other.
        (EQUAL, 0, 4, told["tgkill"]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, os.getpid()), (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]  # fmt: skip
    for number in told["refused"]:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    return [*lines, (RETURN, 0, 0, ALLOW)]
