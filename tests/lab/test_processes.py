# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's record of processes, as read (in `make test`)."""

from __future__ import annotations

from lab.processes import below, executions, longest, lvm_calls, told

# As a lab machine wrote it: a shell whose subshell calls vgs, and a python3 that has lvs run by chroot.
RECORD = """\
# tracer: nop
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
 bash-100 [000] .....    10.000000: sched_process_fork: comm=bash pid=100 child_comm=bash child_pid=101
 <...>-101 [001] .....    10.100000: sched_process_exec: filename=/bin/sh pid=101 old_pid=101
 sh-101 [001] .....    10.200000: sched_process_fork: comm=sh pid=101 child_comm=sh child_pid=102
 sh-102 [000] .....    10.300000: sched_process_fork: comm=sh pid=102 child_comm=sh child_pid=103
 vgs-103 [001] .....    10.400000: sched_process_exec: filename=/usr/sbin/vgs pid=103 old_pid=103
 vgs-103 [001] .....    10.900000: sched_process_exit: comm=vgs pid=103 prio=120
 sh-102 [000] .....    11.000000: sched_process_exit: comm=sh pid=102 prio=120
 sh-101 [001] .....    11.000000: sched_process_fork: comm=sh pid=101 child_comm=sh child_pid=104
 python3 main-104 [001] d....    11.500000: sched_process_exec: filename=/usr/bin/python3 pid=104 old_pid=104
 python3-104 [001] .....    12.000000: sched_process_fork: comm=python3 pid=104 child_comm=python3 child_pid=105
 python3-104 [001] .....    12.000000: sched_process_fork: comm=python3 pid=104 child_comm=python3 child_pid=106
 chroot-105 [000] .....    12.100000: sched_process_exec: filename=/sbin/chroot pid=105 old_pid=105
 lvs-105 [000] .....    12.200000: sched_process_exec: filename=lvs pid=105 old_pid=105
 lvs-105 [000] .....    13.200000: sched_process_exit: comm=lvs pid=105 prio=120
 python3-104 [001] .....    14.000000: sched_process_exit: comm=python3 pid=104 prio=120
 sh-101 [001] .....    14.100000: sched_process_exit: comm=sh pid=101 prio=120
 lvs-107 [001] .....    14.200000: sched_process_exec: filename=/sbin/lvs pid=107 old_pid=107
"""


def test_what_ran_below_what() -> None:
    found = executions(RECORD)
    assert [(each.program, f"{each.seconds:.1f}") for each in found] == [
        ("sh", "4.0"),
        ("vgs", "0.5"),
        ("python3", "2.5"),
        ("chroot", "0.1"),
        ("lvs", "1.0"),
    ]
    shell, python = longest(found, "sh"), longest(found, "python3")
    assert below(found, shell) == found[1:]
    assert [each.program for each in below(found, python)] == ["chroot", "lvs"]
    assert lvm_calls(below(found, shell)) == ("vgs", "lvs")
    text = "hook: 4.0 s, 2 LVM calls (python3 2.5 s, lvs 1.0 s, vgs 0.5 s, chroot 0.1 s)"
    assert told("hook", shell.seconds, found[1:]) == text
