# Sourced in a machine of the lab: trace NAME COMMAND... runs it, and writes the kernel's record of every process that
# began, executed a program or ended meanwhile to $OUT/NAME.trace.
tracing=/sys/kernel/tracing
trace() {
    local name=$1 status=0
    shift
    [ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
    echo >$tracing/trace
    _events 1
    "$@" || status=$?
    _events 0
    cat $tracing/trace >"$OUT/$name.trace"
    return $status
}
_events() {
    local event
    for event in fork exec exit; do echo "$1" >$tracing/events/sched/sched_process_$event/enable; done
}
