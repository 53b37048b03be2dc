# mail of an earlier tenant is handed to the next
# FILE process.c
# RUN test_process end_against_send
# RUN test_process end_reuse_two_workers
s/if (WIPPYI_UNLIKELY(mail->to_ != pid))/if (0)/
