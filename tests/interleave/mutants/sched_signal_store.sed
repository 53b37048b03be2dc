# a pump takes the signal by a store and does not acquire what was pushed before it
# FILE host.c
# RUN test_scheduler pump_and_wake
# RUN test_scheduler pump_two_senders
s/(void)wippyi_a32_xchg_acqrel(&host->signalled, 0);/wippyi_a32_store_sc(\&host->signalled, 0);/
