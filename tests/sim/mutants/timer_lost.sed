# a timer set for a later level never fires
# FILE timer.c
s/^            wippyi_wheel_place(wheel, node);/            (void)next;/
