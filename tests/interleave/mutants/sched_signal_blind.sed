# a pump forgets a signal after it has looked for work
# FILE host.c
# RUN test_scheduler pump_and_wake
/^WIPPY_API wippy_result wippy_pump(/,/^}/{
/wippyi_a32_.*signalled, 0/d
s/wippyi_pump_leave(host);/(void)wippyi_a32_xchg_acqrel(\&host->signalled, 0); wippyi_pump_leave(host);/
}
