# what was taken of a bundle stays in it
# FILE scheduler.c
# RUN test_scheduler ring_overflow
s/slots\[i\] = bundle->slots\[bundle->taken++\];/slots[i] = bundle->slots[bundle->taken + i];/
