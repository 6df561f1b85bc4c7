/* GPM: a sample keeps what `nvmlGpmSampleGet[metric]` tells when it is taken, in thousandths; a metric is the difference
 * of two samples. `error nvmlGpmMetricsGet[metric] 3` is the error of one metric. Included by nvml.c, after mig.h. */

enum { MOST_METRICS = 512, GPM_VERSION = 1 };

typedef struct {
    const Device *device; /* NULL until a sample was taken */
    unsigned long long counter[MOST_METRICS];
    bool told[MOST_METRICS];
} Sample;

typedef struct {
    unsigned int version, supported;
} GpmSupport;

EXPORT nvmlReturn_t nvmlGpmQueryDeviceSupport(const Device *device, GpmSupport *out) {
    if (!out || out->version != GPM_VERSION) return INVALID_ARGUMENT;
    return answer_unsigned(device, __func__, "", &out->supported);
}

EXPORT nvmlReturn_t nvmlGpmSampleAlloc(Sample **out) {
    nvmlReturn_t code = begin(NULL, __func__);
    if (!code) *out = calloc(1, sizeof **out);
    return code;
}

EXPORT nvmlReturn_t nvmlGpmSampleFree(Sample *sample) {
    nvmlReturn_t code = begin(NULL, __func__);
    if (!code) free(sample);
    return code;
}

static nvmlReturn_t take_sample(const Device *device, const char *function, Sample *into) {
    nvmlReturn_t code = begin(device, function);
    if (code) return code;
    into->device = device;
    memset(into->told, 0, sizeof into->told);
    pthread_mutex_lock(&lock);
    const Section *section = section_of(device);
    for (int i = 0; section && i < section->count; i++) {
        int metric = section->entries[i].metric;
        if (metric < 0 || metric >= MOST_METRICS) continue;
        into->told[metric] = true;
        into->counter[metric] = strtoull(section->entries[i].text, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlGpmSampleGet(const Device *device, Sample *into) {
    return device && into ? take_sample(device, __func__, into) : (nvmlReturn_t)INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlGpmMigSampleGet(const Device *device, unsigned int id, Sample *into) {
    if (!device || !into) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (code) return code;
    const Device *found = NULL;
    pthread_mutex_lock(&lock);
    for (unsigned int nth = 0; !found && instance_of(device, nth); nth++) {
        const char *text = find(instance_of(device, nth), "nvmlDeviceGetGpuInstanceId");
        if (text && strtoul(text, NULL, 0) == id) found = handle_of(instance_of(device, nth)->uuid);
    }
    pthread_mutex_unlock(&lock);
    return found ? take_sample(found, __func__, into) : (nvmlReturn_t)NOT_FOUND;
}

typedef struct {
    unsigned int id, code;
    double value;
    const char *names[3];
} GpmMetric;

typedef struct {
    unsigned int version, count;
    Sample *older, *newer;
    GpmMetric metrics[];
} GpmQuestion;

static void answer_metric(const Sample *older, const Sample *newer, GpmMetric *metric) {
    char suffix[16], code[TEXT];
    snprintf(suffix, sizeof suffix, "[%u]", metric->id);
    metric->value = 0;
    metric->code = NOT_SUPPORTED;
    if (told(newer->device, "error ", "nvmlGpmMetricsGet", suffix, code)) {
        metric->code = (nvmlReturn_t)atoi(code);
    } else if (metric->id < MOST_METRICS && older->told[metric->id] && newer->told[metric->id]) {
        metric->code = SUCCESS;
        metric->value = ((double)newer->counter[metric->id] - (double)older->counter[metric->id]) / 1000;
    }
}

EXPORT nvmlReturn_t nvmlGpmMetricsGet(GpmQuestion *question) {
    if (!question || question->version != GPM_VERSION || !question->older || !question->newer) return INVALID_ARGUMENT;
    if (!question->older->device || question->older->device != question->newer->device) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(question->newer->device, __func__);
    for (unsigned int i = 0; !code && i < question->count; i++)
        answer_metric(question->older, question->newer, &question->metrics[i]);
    return code;
}
