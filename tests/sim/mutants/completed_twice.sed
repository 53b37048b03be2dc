# whoever completes a yield late hears that it went well
# FILE yield.c
/^WIPPYI_FN wippy_result wippyi_complete(/,/^}/s/        return WIPPY_ERR_GONE;/        return WIPPY_OK;/
