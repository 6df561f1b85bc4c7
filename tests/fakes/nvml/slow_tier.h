/* Functions of the slow tier: the link to the host, memory errors, remapped rows, time spent throttled. Included by
 * nvml.c, whose helpers they use. Answers to one argument are told as `nvmlDeviceGetPcieThroughput[0] 1000`. */

enum { PCIE_MICROSECONDS = 20000 };

static nvmlReturn_t answer_indexed(const Device *device, const char *function, unsigned int index, unsigned long long *out) {
    char suffix[16], key[2 * NAME], code[TEXT];
    if (!device || !out) return INVALID_ARGUMENT;
    snprintf(suffix, sizeof suffix, "[%u]", index);
    snprintf(key, sizeof key, "%s%s", function, suffix);
    nvmlReturn_t failed = begin(device, function);
    if (!failed && told(device, "error ", key, "", code)) failed = (nvmlReturn_t)atoi(code);
    return failed ? failed : number(device, function, suffix, out);
}

/* Blocks as long as the real one, which counts for 20 ms. */
EXPORT nvmlReturn_t nvmlDeviceGetPcieThroughput(const Device *device, unsigned int counter, unsigned int *kilobytes) {
    unsigned long long value = 0;
    nvmlReturn_t code = answer_indexed(device, __func__, counter, &value);
    if (code) return code;
    usleep(PCIE_MICROSECONDS);
    *kilobytes = (unsigned int)value;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(const Device *device, unsigned int *generation) {
    return answer_unsigned(device, __func__, "", generation);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(const Device *device, unsigned int *lanes) {
    return answer_unsigned(device, __func__, "", lanes);
}

EXPORT nvmlReturn_t nvmlDeviceGetPcieReplayCounter(const Device *device, unsigned int *replays) {
    return answer_unsigned(device, __func__, "", replays);
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(const Device *device, unsigned int kind, unsigned int counter,
                                                unsigned long long *errors) {
    return counter == 1 ? answer_indexed(device, __func__, kind, errors) : (nvmlReturn_t)INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetRemappedRows(const Device *device, unsigned int *corrected, unsigned int *uncorrected,
                                              unsigned int *pending, unsigned int *failed) {
    nvmlReturn_t code = answer_unsigned(device, __func__, ".corrected", corrected);
    if (!code) code = answer_unsigned(device, __func__, ".uncorrected", uncorrected);
    if (!code) code = answer_unsigned(device, __func__, ".pending", pending);
    return code ? code : answer_unsigned(device, __func__, ".failed", failed);
}

typedef struct {
    unsigned long long reference, nanoseconds;
} Violation;

EXPORT nvmlReturn_t nvmlDeviceGetViolationStatus(const Device *device, unsigned int policy, Violation *out) {
    return out ? answer_indexed(device, __func__, policy, &out->nanoseconds) : (nvmlReturn_t)INVALID_ARGUMENT;
}
