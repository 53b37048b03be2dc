# an upgrade loses mail on shelves
# FILE spawn.c
s/^    wippyi_shelves_return(slot);/    (void)wippyi_shelves_return;/
