# the census reads births before ends
# FILE host.c
# RUN test_stop wait_empty_against_refused
/^WIPPYI_FN uint64_t wippyi_host_population/,/^}/{
s/census\.gone/census.other/
s/census\.born/census.gone/
s/census\.other/census.born/
s/return born - gone;/return gone - born;/
}
