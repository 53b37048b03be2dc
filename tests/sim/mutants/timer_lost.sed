# a timer set for a later level never fires
# FILE timer.c
s/^                wippyi_wheel_put_oldest(wheel, node);/                node->at.newer = NULL;/
