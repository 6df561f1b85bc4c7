/* MIG: a GPU is split where it is told `nvmlDeviceGetMigMode 1`; its instances are the sections `mig MIG-...` that follow
 * it. A handle of an instance that is gone answers INVALID_ARGUMENT. Included by nvml.c. */

enum { MOST_INSTANCES = 7 };

/* The nth instance of a GPU. Call it with the lock held. */
static Section *instance_of(const Device *parent, unsigned int nth) {
    for (int i = 0; i < mig_count; i++)
        if (!strcmp(migs[i].parent, parent->uuid) && nth-- == 0) return &migs[i];
    return NULL;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(const Device *device, unsigned int *current, unsigned int *pending) {
    if (!pending) return INVALID_ARGUMENT;
    nvmlReturn_t code = answer_unsigned(device, __func__, "", current);
    if (!code) *pending = *current;
    return code;
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(const Device *device, unsigned int *count) {
    if (!device || !count) return INVALID_ARGUMENT;
    *count = MOST_INSTANCES;
    return begin(device, __func__);
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(const Device *device, unsigned int index, Device **out) {
    if (!device || !out) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (code) return code;
    pthread_mutex_lock(&lock);
    Section *instance = instance_of(device, index);
    Device *handle = instance ? handle_of(instance->uuid) : NULL;
    pthread_mutex_unlock(&lock);
    if (!handle) return NOT_FOUND;
    if (!(code = begin(handle, __func__))) *out = handle;
    return code;
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceId(const Device *device, unsigned int *id) {
    return answer_unsigned(device, __func__, "", id);
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeInstanceId(const Device *device, unsigned int *id) {
    return answer_unsigned(device, __func__, "", id);
}
