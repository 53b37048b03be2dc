# the mailbox closes while yield records are still listed
# FILE process.c
# RUN test_yield complete_end_other_opens
# RUN test_yield complete_end_reuse
/^WIPPYI_FN wippy_mail \*wippyi_process_shut/,/^}/{
/wippyi_yields_drop_all/d
s/return wippyi_mailbox_close(&slot->box);/{ wippy_mail *u = wippyi_mailbox_close(\&slot->box); wippyi_yields_drop_all(rt, w, slot); return u; }/
}
