/* ========================================================================== >>lua/zonerule
   The rule of a zone, as in $TZ and at the end of zone files: which offsets it has and when in a year
   it changes between them. std offset [dst [offset] [,date[/time],date[/time]]]
   Pure functions.  Locks: none.  Allocates: nothing. */
#ifndef WIPPYLI_ZONERULE_H
#define WIPPYLI_ZONERULE_H

#include "gotime.h"

#define WIPPYLI_ZONE_ABBREV_MAX 16 /* with the zero; longer ones in a rule are refused */

/* What holds in a zone from `start` until before `end`. */
typedef struct wippyli_zone_span {
    int32_t offset; /* seconds east of UTC */
    bool is_dst;
    const char *abbrev; /* "EST"; "" for a fixed zone without a name; lives as long as the zone */
    int64_t start;      /* INT64_MIN: always was */
    int64_t end;        /* INT64_MAX: for ever */
} wippyli_zone_span;

/* When a rule changes the clock, each year. */
typedef struct wippyli_zone_change {
    int kind; /* 'J': day 1..365 without leap days; 'n': day 0..365; 'M': month, week, weekday */
    int day;
    int week;
    int month;
    int32_t second; /* of the local day, may lie days before or behind it */
} wippyli_zone_change;

typedef struct wippyli_zone_rule {
    bool present;
    bool has_dst;
    int32_t std_offset;
    int32_t dst_offset;
    char std_abbrev[WIPPYLI_ZONE_ABBREV_MAX];
    char dst_abbrev[WIPPYLI_ZONE_ABBREV_MAX];
    wippyli_zone_change to_dst;
    wippyli_zone_change to_std;
} wippyli_zone_rule;

/* The whole text must be a rule; without dates the change is that of North America. */
WIPPYLI_FN bool wippyli_zone_rule_parse(const char *text, size_t size, wippyli_zone_rule *out);

/* What the rule says at an instant; out->abbrev points into the rule. */
WIPPYLI_FN void wippyli_zone_rule_lookup(const wippyli_zone_rule *rule, int64_t sec,
                                         wippyli_zone_span *out);

#endif /* WIPPYLI_ZONERULE_H */
